#include "ane/value_bytes.h"

#include <cmath>

#include "mil/blob/blob_format.h"

namespace millwright::ane {
namespace {

using mil::ElementType;
using mil::Operation;
using mil::Type;
using mil::Value;

constexpr double kRowBytes = 64;

const Type& without_state(const Type& type) {
  return type.kind() == Type::Kind::state ? type.arguments().front() : type;
}

double count_of(const Type& type) {
  double count = 1;
  for (const int64_t size : type.shape()) count *= static_cast<double>(size);
  return count;
}

double element_width(ElementType element) {
  if (mil::is_packed(element)) return static_cast<double>(mil::blob_bits(element)) / 8;
  return static_cast<double>(mil::element_bytes(element));
}

bool is_numeric_weight(ElementType element) {
  return mil::is_floating(element) || mil::is_packed(element) || element == ElementType::int8 ||
         element == ElementType::uint8;
}

// A const operation, or nothing.
const Operation* constant_source(const Value& value) {
  const Operation* producer = value.producer();
  return producer != nullptr && producer->is_const() ? producer : nullptr;
}

bool is_dequantization(const Operation& operation) {
  return operation.kind() == "dequantize" || operation.kind() == "constexpr_affine_dequantize" ||
         operation.kind() == "constexpr_blockwise_shift_scale";
}

}  // namespace

double value_bytes(const Type& declared) {
  const Type& type = without_state(declared);
  return type.is_tensor() ? count_of(type) * element_width(type.element()) : 0;
}

double surface_bytes(const Type& declared) {
  const Type& type = without_state(declared);
  if (!type.is_tensor()) return 0;
  const double row =
      (type.shape().empty() ? 1.0 : static_cast<double>(type.shape().back())) * element_width(type.element());
  if (row <= 0) return 0;
  return count_of(type) * element_width(type.element()) * (std::ceil(row / kRowBytes) * kRowBytes / row);
}

bool is_decompression(const Operation& operation) { return operation.kind().starts_with("constexpr_"); }

bool is_weight(const Value& value) {
  const Operation* producer = value.producer();
  if (producer == nullptr || !value.type().is_tensor()) return false;
  if (is_decompression(*producer)) return true;
  // A weight that the program dequantizes itself is one for the engine's compiler, too.
  if (producer->kind() == "dequantize") {
    const Value* input = producer->operand("input");
    return input != nullptr && is_weight(*input);
  }
  return producer->is_const() && is_numeric_weight(value.element());
}

bool is_parameter(const Value& value) { return constant_source(value) != nullptr && !is_weight(value); }

double weight_bytes(const Value& value, bool as_stored) {
  const Operation* producer = value.producer();
  if (!as_stored || producer == nullptr || producer->is_const()) return value_bytes(value.type());
  double bytes = 0;
  for (const Value* stored : producer->all_operands()) {
    if (is_weight(*stored)) bytes += value_bytes(stored->type());
  }
  return bytes;
}

WeightKey weight_key(const Value& value) {
  const Operation* producer = value.producer();
  if (producer != nullptr && !producer->is_const() && !producer->all_operands().empty()) {
    return weight_key(*producer->all_operands().front());
  }
  const mil::Literal* literal = producer == nullptr ? nullptr : producer->attribute("val");
  if (literal == nullptr) return {"", 0, &value};
  // What was one record of a weight file shares its memory after loading.
  if (literal->has_elements()) return {"", 0, literal->elements().data()};
  if (!literal->is_blob()) return {"", 0, &value};
  return {literal->blob_reference().path, literal->blob_reference().offset, nullptr};
}

bool is_int8_source(const Value& value) {
  const Operation* producer = value.producer();
  if (producer == nullptr || !is_dequantization(*producer)) return false;
  const std::vector<Value*> operands = producer->all_operands();
  if (operands.empty() || !operands.front()->type().is_tensor()) return false;
  const ElementType element = operands.front()->element();
  return element == ElementType::int8 || element == ElementType::uint8;
}

}  // namespace millwright::ane
