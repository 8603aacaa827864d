#include "mil/diff/attribute_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "mil/printer.h"

namespace millwright::mil {
namespace {

constexpr int64_t kShownElements = 8;
constexpr size_t kShownBytes = 80;

bool is_text(const Literal& literal) {
  return literal.type().is_scalar() && literal.type().element() == ElementType::string && !literal.is_blob();
}

class AttributeComparison {
 public:
  AttributeComparison(const LiteralContents& a_contents, const LiteralContents& b_contents, const Renaming& renaming)
      : a_contents_(a_contents), b_contents_(b_contents), renaming_(renaming) {}

  bool same(const Literal& a, const Literal& b) const {
    if (!(a.type() == b.type())) return false;
    if (is_text(a) && is_text(b)) return renamed(a.as_string()) == b.as_string();
    if (a.type().is_tensor()) return same_constant(a, a_contents_, b, b_contents_);
    if (a.type().kind() == Type::Kind::dict) return same_pairs(a.pairs(), b.pairs());
    return std::ranges::equal(a.items(), b.items(), [this](const auto& x, const auto& y) { return same(x, y); });
  }

 private:
  const std::string& renamed(const std::string& text) const {
    const auto found = renaming_.find(text);
    return found == renaming_.end() ? text : found->second;
  }

  bool same_pairs(const std::vector<Literal::Pair>& a, const std::vector<Literal::Pair>& b) const {
    if (a.size() != b.size()) return false;
    std::unordered_map<std::string, const Literal*, TextHash> by_text;
    for (const auto& [key, value] : b) {
      if (is_text(key)) by_text.emplace(key.as_string(), &value);
    }
    for (size_t i = 0; i < a.size(); ++i) {
      const auto& [key, value] = a[i];
      const auto found = is_text(key) ? by_text.find(renamed(key.as_string())) : by_text.end();
      // Keys that are no texts are in the order of the text.
      const bool equal = is_text(key) ? found != by_text.end() && same(value, *found->second)
                                      : same(key, b[i].first) && same(value, b[i].second);
      if (!equal) return false;
    }
    return true;
  }

  const LiteralContents& a_contents_;
  const LiteralContents& b_contents_;
  const Renaming& renaming_;
};

// "tensor<fp16, [64, 64]>, 3 of 4096 elements differ, by up to 0.5"; empty where elements cannot be compared.
std::string changed_elements(const Literal& a, const LiteralContents& a_contents, const Literal& b,
                             const LiteralContents& b_contents) {
  if (!(a.type() == b.type()) || !a.type().is_tensor() || a.type().element() == ElementType::string ||
      !is_static(a.type().shape())) {
    return {};
  }
  const Result<Literal> before = a_contents.inlined(a);
  const Result<Literal> after = b_contents.inlined(b);
  if (!before || !after || !before->has_elements() || !after->has_elements()) return {};
  int64_t changed = 0;
  double largest = 0;
  const size_t width = element_bytes(a.type().element());
  for (int64_t i = 0; i < a.type().count(); ++i) {
    const auto x = before->elements().subspan(static_cast<size_t>(i) * width, width);
    const auto y = after->elements().subspan(static_cast<size_t>(i) * width, width);
    if (std::ranges::equal(x, y)) continue;
    ++changed;
    const double difference = std::abs(after->number_at(i) - before->number_at(i));
    if (!(difference <= largest)) largest = difference;  // a NaN stays
  }
  if (changed == 0) return {};
  return fmt::format("{}, {} of {} elements differ, by up to {:g}", type_text(b.type()), changed, b.type().count(),
                     largest);
}

}  // namespace

std::string constant_text(const Literal& constant) {
  const Type& type = constant.type();
  if (constant.is_blob()) {
    const BlobReference& reference = constant.blob_reference();
    return fmt::format("{} in {} at {}", type_text(type), reference.path, reference.offset);
  }
  const bool is_long = type.is_tensor() && is_static(type.shape()) && type.count() > kShownElements;
  if (is_long) return type_text(type);
  std::string text = print(constant);
  return text.size() <= kShownBytes ? text : type_text(type);
}

Change constant_change(std::string what, const Literal& a, const LiteralContents& a_contents, const Literal& b,
                       const LiteralContents& b_contents) {
  Change change{std::move(what), constant_text(a), constant_text(b)};
  const bool is_short = !a.is_blob() && !b.is_blob() && change.before != change.after;
  if (is_short) return change;
  const std::string elements = changed_elements(a, a_contents, b, b_contents);
  if (!elements.empty()) change.after = elements;
  return change;
}

std::vector<Change> compare_attributes(const std::vector<Attribute>& a, const LiteralContents& a_contents,
                                       const std::vector<Attribute>& b, const LiteralContents& b_contents,
                                       const Renaming& renaming) {
  const AttributeComparison comparison(a_contents, b_contents, renaming);
  std::vector<Change> changes;
  for (const Attribute& attribute : a) {
    const auto other = std::ranges::find(b, attribute.name, &Attribute::name);
    const std::string what = "attribute " + attribute.name;
    if (other == b.end()) {
      changes.push_back({what, constant_text(attribute.value), "none"});
    } else if (!comparison.same(attribute.value, other->value)) {
      changes.push_back(constant_change(what, attribute.value, a_contents, other->value, b_contents));
    }
  }
  for (const Attribute& attribute : b) {
    if (std::ranges::find(a, attribute.name, &Attribute::name) != a.end()) continue;
    changes.push_back({"attribute " + attribute.name, "none", constant_text(attribute.value)});
  }
  return changes;
}

}  // namespace millwright::mil
