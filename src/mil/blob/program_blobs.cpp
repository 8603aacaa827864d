#include "mil/blob/program_blobs.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "base/check.h"
#include "base/function_ref.h"
#include "mil/blob/blob_format.h"

namespace millwright::mil {
namespace {

// Where a literal stands: the function's opset, empty for attributes of the program, and whether the literal is itself
// an attribute or operand of an operation, not a part of one.
struct Place {
  std::string_view opset;
  bool is_operand = false;
};

// What stands in place of a literal; nothing when it stays.
using Replacement = Result<std::optional<Literal>>;
using Replace = FunctionRef<Replacement(const Literal&, const Place&)>;

Replacement replace_parts(const Literal& literal, const Place& place, Replace replace);

Replacement replace_items(const Literal& literal, const Place& place, Replace replace) {
  std::vector<Literal> items;
  bool changed = false;
  for (const Literal& item : literal.items()) {
    MW_ASSIGN(std::optional<Literal> replaced, replace_parts(item, place, replace));
    changed = changed || replaced.has_value();
    items.push_back(replaced ? std::move(*replaced) : item);
  }
  if (!changed) return std::nullopt;
  return Literal::items(literal.type(), std::move(items));
}

Replacement replace_pairs(const Literal& literal, const Place& place, Replace replace) {
  std::vector<Literal::Pair> pairs;
  bool changed = false;
  for (const auto& [key, value] : literal.pairs()) {
    MW_ASSIGN(std::optional<Literal> new_key, replace_parts(key, place, replace));
    MW_ASSIGN(std::optional<Literal> new_value, replace_parts(value, place, replace));
    changed = changed || new_key || new_value;
    pairs.emplace_back(new_key ? std::move(*new_key) : key, new_value ? std::move(*new_value) : value);
  }
  if (!changed) return std::nullopt;
  return Literal::dictionary(literal.type(), std::move(pairs));
}

Replacement replace_parts(const Literal& literal, const Place& place, Replace replace) {
  const Place inside{place.opset, false};
  switch (literal.type().kind()) {
    case Type::Kind::list:
    case Type::Kind::tuple:
      return replace_items(literal, inside, replace);
    case Type::Kind::dict:
      return replace_pairs(literal, inside, replace);
    case Type::Kind::tensor:
    case Type::Kind::state:
      break;
  }
  return replace(literal, place);
}

Status replace_in(std::vector<Attribute>& attributes, const std::string& owner, std::string_view opset,
                  Replace replace) {
  for (Attribute& attribute : attributes) {
    auto replaced = replace_parts(attribute.value, {opset, false}, replace);
    const std::string where = owner + ", attribute " + attribute.name;
    if (!replaced) return tl::unexpected(with_context(std::move(replaced.error()), where));
    if (*replaced) attribute.value = std::move(**replaced);
  }
  return {};
}

// The operands with their literals replaced; nothing when all stay.
Result<std::optional<std::vector<Operand>>> replaced_operands(const Operation& operation, std::string_view opset,
                                                              Replace replace) {
  std::vector<Operand> operands;
  bool changed = false;
  for (const Operand& operand : operation.operands()) {
    operands.push_back(operand);
    for (Argument& argument : operands.back().arguments) {
      const Literal* literal = std::get_if<Literal>(&argument);
      if (literal == nullptr) continue;
      MW_ASSIGN(std::optional<Literal> replaced, replace_parts(*literal, {opset, true}, replace));
      if (!replaced) continue;
      argument = std::move(*replaced);
      changed = true;
    }
  }
  if (!changed) return std::nullopt;
  return operands;
}

Status replace_own(Operation& operation, std::string_view opset, Replace replace) {
  MW_ASSIGN(std::optional<std::vector<Operand>> operands, replaced_operands(operation, opset, replace));
  if (operands) {
    for (const Operand& operand : *operands) operation.remove_operand(operand.name);
    for (Operand& operand : *operands) operation.add_operand(std::move(operand));
  }
  std::vector<Attribute> changed;
  for (const Attribute& attribute : operation.attributes()) {
    MW_ASSIGN(std::optional<Literal> replaced, replace_parts(attribute.value, {opset, true}, replace));
    if (replaced) changed.push_back({attribute.name, std::move(*replaced)});
  }
  for (Attribute& attribute : changed) operation.set_attribute(attribute.name, std::move(attribute.value));
  return {};
}

Status replace_in(Block& block, std::string_view opset, Replace replace) {
  for (auto& operation : block.operations()) {
    Status status = replace_own(*operation, opset, replace);
    if (!status) return tl::unexpected(with_context(std::move(status.error()), describe(*operation)));
    for (auto& nested : operation->blocks()) MW_TRY(replace_in(*nested, opset, replace));
  }
  return {};
}

Status replace_literals(Program& program, Replace replace) {
  MW_TRY(replace_in(program.attributes(), "program", "", replace));
  for (const auto& function : program.functions()) {
    MW_TRY(replace_in(function->attributes(), "function " + function->name(), function->opset(), replace));
    MW_TRY(replace_in(function->block(), function->opset(), replace));
  }
  return {};
}

bool may_stand_in_file(ElementType element, std::string_view opset) {
  constexpr std::string_view kEarlyOpsets[] = {"ios13", "ios14", "ios15", "ios16", "ios17"};
  if (!blob_code(element)) return false;
  if (std::ranges::find(kEarlyOpsets, opset) == std::end(kEarlyOpsets)) return true;
  return element == ElementType::fp16 || element == ElementType::fp32 || element == ElementType::int8 ||
         element == ElementType::uint8;
}

// Appends literals to one weight file and remembers them, so that equal ones and repeated references share a record.
class BlobStore {
 public:
  BlobStore(int64_t minimum_elements, BlobWriter& writer, const std::string& path, WeightFiles& files)
      : minimum_elements_(minimum_elements), writer_(writer), path_(path), files_(files) {}

  Replacement replace(const Literal& literal, const Place& place) {
    if (literal.is_blob()) return copy(literal);
    const ElementType element = literal.type().element();
    const bool large = literal.type().count() >= minimum_elements_ || is_packed(element);
    if (!place.is_operand || !large || !may_stand_in_file(element, place.opset)) return std::nullopt;
    auto& same_hash = stored_[hash_literal(literal)];
    for (const auto& [other, offset] : same_hash) {
      if (other == literal) return reference(literal.type(), offset);
    }
    MW_ASSIGN(const uint64_t offset, writer_.append(literal));
    same_hash.emplace_back(literal, offset);
    return reference(literal.type(), offset);
  }

 private:
  std::optional<Literal> reference(const Type& type, uint64_t offset) const {
    return Literal::blob(type, {path_, offset});
  }

  Replacement copy(const Literal& literal) {
    const BlobReference& from = literal.blob_reference();
    MW_ASSIGN(const BlobFile* file, files_.open(from.path));
    MW_ASSIGN(const BlobRecord record, file->record_of(from.offset, literal.type()));
    const auto key = std::pair(from.path, from.offset);
    const auto found = copied_.find(key);
    if (found != copied_.end()) return reference(literal.type(), found->second);
    MW_ASSIGN(const uint64_t offset, writer_.append(record.element, record.count, file->payload(record)));
    copied_.emplace(key, offset);
    return reference(literal.type(), offset);
  }

  int64_t minimum_elements_;
  BlobWriter& writer_;
  const std::string& path_;
  WeightFiles& files_;
  std::unordered_map<uint64_t, std::vector<std::pair<Literal, uint64_t>>> stored_;
  std::map<std::pair<std::string, uint64_t>, uint64_t> copied_;
};

}  // namespace

Status load_blobs(Program& program, WeightFiles& files) {
  return load_blobs(program,
                    [&files](const BlobReference& reference, const Type& type) { return files.load(reference, type); });
}

Status load_blobs(Program& program, LoadBlob load) {
  std::map<std::tuple<std::string, uint64_t, std::string>, Literal> loaded;
  const auto load_once = [&](const Literal& literal, const Place&) -> Replacement {
    if (!literal.is_blob()) return std::nullopt;
    const BlobReference& reference = literal.blob_reference();
    const auto key = std::tuple(reference.path, reference.offset, type_text(literal.type()));
    const auto found = loaded.find(key);
    if (found != loaded.end()) return found->second;
    MW_ASSIGN(Literal value, load(reference, literal.type()));
    loaded.emplace(key, value);
    return value;
  };
  return replace_literals(program, load_once);
}

Status store_blobs(Program& program, int64_t minimum_elements, BlobWriter& writer, const std::string& path,
                   WeightFiles& files) {
  BlobStore store(minimum_elements, writer, path, files);
  return replace_literals(
      program, [&store](const Literal& literal, const Place& place) { return store.replace(literal, place); });
}

size_t strip_weights(Program& program) {
  size_t stripped = 0;
  const Status status = replace_literals(program, [&](const Literal& literal, const Place& place) -> Replacement {
    if (!place.is_operand || !literal.type().is_tensor() || !literal.has_elements()) return std::nullopt;
    if (literal.type().count() <= kStrippedElements) return std::nullopt;
    ++stripped;
    return Literal::blob(literal.type(), {std::string(kStrippedPath), 0});
  });
  MW_CHECK(status.has_value(), "leaving out weights failed: {}", status.error().message);
  return stripped;
}

}  // namespace millwright::mil
