// MIL text from anyone: it parses or is refused with diagnostics; what parses prints, reads back equal and prints the
// same again in both styles, and the verifier gives an answer.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "mil/compare.h"
#include "mil/parser.h"
#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

void check_round_trip(const Program& program) {
  const std::string text = print(program);
  const auto again = parse_program(text, "printed");
  MW_CHECK(again.has_value(), "{}\n{}", again.error().message, text);
  const auto difference = first_difference(program, *again);
  MW_CHECK(!difference, "{}\n{}", *difference, text);
  MW_CHECK(print(*again) == text, "printing is no fixed point:\n{}", text);
}

void check_engine_style(const Program& program) {
  const std::string text = print(program, PrintStyle::engine());
  const auto again = parse_program(text, "printed for the engine");
  MW_CHECK(again.has_value(), "{}\n{}", again.error().message, text);
  MW_CHECK(print(*again, PrintStyle::engine()) == text, "the engine style is no fixed point:\n{}", text);
}

}  // namespace
}  // namespace millwright::mil

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright::mil;
  const ParseResult result = parse(std::string_view(reinterpret_cast<const char*>(data), size));
  MW_CHECK(result.program.has_value() == result.diagnostics.empty(), "{} diagnostics", result.diagnostics.size());
  if (!result.program) return 0;
  check_round_trip(*result.program);
  check_engine_style(*result.program);
  verify_all(*result.program);
  return 0;
}
