// Model messages from anyone: they decode or are refused; what decodes is encoded and decoded equal, prints as text
// that reads back equal, and the verifier gives an answer.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "mil/compare.h"
#include "mil/container/model_message.h"
#include "mil/container/program_message.h"
#include "mil/parser.h"
#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

void check_same(const Program& program, const Result<Program>& again, const std::string& text) {
  MW_CHECK(again.has_value(), "{}\n{}", again.error().message, text);
  const auto difference = first_difference(program, *again);
  MW_CHECK(!difference, "{}\n{}", *difference, text);
}

}  // namespace
}  // namespace millwright::mil

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright::mil;
  const auto program = decode_model(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  if (!program) return 0;
  const std::string text = print(*program);
  check_same(*program, parse_program(text, "printed"), text);
  const auto message = encode_program(*program);
  MW_CHECK(message.has_value(), "{}", message.error().message);
  check_same(*program, decode_program(*message, "encoded", program->version()), text);
  if (const auto model = encode_model(*program)) check_same(*program, decode_model(*model, "model"), text);
  verify_all(*program);
  return 0;
}
