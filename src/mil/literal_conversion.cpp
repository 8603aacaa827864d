#include "mil/literal_conversion.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"

namespace millwright::mil {
namespace {

bool is_whole(ElementType element) { return is_integer(element) || element == ElementType::boolean; }

// A whole number that stands for `value`, if there is one.
bool to_whole(double value, int64_t& whole) {
  if (!(std::abs(value) < 9.2e18) || value != std::trunc(value)) return false;  // below 2^63
  whole = static_cast<int64_t>(value);
  return true;
}

}  // namespace

Result<ConvertedLiteral> convert(const Literal& tensor, ElementType element) {
  const ElementType from = tensor.type().element();
  if (from == element) return ConvertedLiteral{tensor};
  MW_CHECK(from != ElementType::string && element != ElementType::string, "strings are no numbers");
  const size_t from_width = element_bytes(from);
  const size_t width = element_bytes(element);
  const std::span<const std::byte> source = tensor.elements();
  const auto count = static_cast<size_t>(tensor.type().count());
  std::vector<std::byte> elements(count * width);
  const auto [lowest, highest] = is_whole(element) ? integer_range(element) : std::pair<int64_t, int64_t>{};
  bool is_rounded = false;
  for (size_t i = 0; i < count; ++i) {
    const std::byte* const old = source.data() + i * from_width;
    std::byte* const now = elements.data() + i * width;
    const double number = load_number(from, old);
    bool is_kept = true;
    if (is_whole(element)) {
      int64_t whole = 0;
      const bool has_whole = is_whole(from) ? (whole = load_integer(from, old), true) : to_whole(number, whole);
      // Numbers of uint64 above the largest int64 look negative.
      is_kept = has_whole && whole >= lowest && whole <= highest && (from != ElementType::uint64 || whole >= 0);
      if (is_kept) store_integer(element, whole, now);
    } else {
      store_number(element, number, now);
      const double stored = load_number(element, now);
      const bool is_same = stored == number || std::isnan(number);
      is_rounded = is_rounded || !is_same;
      int64_t whole = 0;
      is_kept = is_whole(from) ? to_whole(stored, whole) && whole == load_integer(from, old) && is_same
                               : is_same || std::isfinite(stored);
    }
    if (!is_kept) return fail("element {} is {}, which {} cannot hold", i, number, element_name(element));
  }
  return ConvertedLiteral{Literal::bytes(tensor.type().with_element(element), std::move(elements)), is_rounded};
}

}  // namespace millwright::mil
