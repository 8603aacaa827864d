#include "device/emulated/program_identity.h"

#include "base/hash.h"
#include "mil/blob/program_blobs.h"
#include "mil/printer.h"

namespace millwright::device {
namespace {

// Short constants are part of the text.
bool is_weight(const mil::Literal& literal) {
  return literal.has_elements() && literal.type().count() > mil::kStrippedElements;
}

}  // namespace

ProgramIdentity identity_of(const mil::Program& written, const mil::Function& loaded, Numerics numerics,
                            Arithmetic arithmetic) {
  Hasher text;
  text.update(numerics_name(numerics));
  // A program that cannot compute must not be found by a device that does.
  if (arithmetic == Arithmetic::skipped) text.update("meter only");
  mil::Program bare;
  for (const auto& function : written.functions()) bare.add_function(mil::clone(*function));
  mil::strip_weights(bare);
  text.update(mil::print(bare));
  Hasher weights;
  for (const auto& operation : loaded.block().operations()) {
    for (const mil::Attribute& attribute : operation->attributes()) {
      if (is_weight(attribute.value)) weights.update(attribute.value.elements());
    }
    for (const mil::Operand& operand : operation->operands()) {
      for (const mil::Argument& argument : operand.arguments) {
        const auto* literal = std::get_if<mil::Literal>(&argument);
        if (literal != nullptr && is_weight(*literal)) weights.update(literal->elements());
      }
    }
  }
  return {text.digest(), weights.digest()};
}

}  // namespace millwright::device
