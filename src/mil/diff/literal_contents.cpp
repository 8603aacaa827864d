#include "mil/diff/literal_contents.h"

#include <algorithm>
#include <functional>

#include "base/check.h"
#include "mil/blob/program_blobs.h"

namespace millwright::mil {
namespace {

std::string key_of(const Literal& literal) {
  const BlobReference& reference = literal.blob_reference();
  return fmt::format("{} {} {}", type_text(literal.type()), reference.offset, reference.path);
}

}  // namespace

const Literal* constant_of(const Argument& argument) {
  if (const Literal* literal = std::get_if<Literal>(&argument)) return literal;
  const Operation* producer = std::get<Value*>(argument)->producer();
  return producer != nullptr && producer->is_const() ? producer->attribute("val") : nullptr;
}

uint64_t hash_type(const Type& type) {
  uint64_t hash = mixed(static_cast<uint64_t>(type.kind()), 1);
  if (type.is_tensor()) {
    hash = mixed(hash, static_cast<uint64_t>(type.element()));
    for (const int64_t size : type.shape()) hash = mixed(hash, static_cast<uint64_t>(size));
    return mixed(hash, type.shape().size());
  }
  if (type.kind() == Type::Kind::list) hash = mixed(hash, static_cast<uint64_t>(type.list_length()));
  for (const Type& argument : type.arguments()) hash = mixed(hash, hash_type(argument));
  return hash;
}

Status LiteralContents::read_weights(const Program& program, WeightFiles& files) {
  files_ = &files;
  for (const auto& function : program.functions()) {
    for (const Attribute& attribute : function->attributes()) MW_TRY(read_weight(attribute.value));
    MW_TRY(read_weights(function->block()));
  }
  return {};
}

Status LiteralContents::read_weights(const Block& block) {
  for (const auto& operation : block.operations()) {
    const auto read = [&](const Literal& literal) -> Status {
      Status status = read_weight(literal);
      if (!status) return tl::unexpected(with_context(std::move(status.error()), describe(*operation)));
      return {};
    };
    for (const Operand& operand : operation->operands()) {
      for (const Argument& argument : operand.arguments) {
        if (const Literal* literal = std::get_if<Literal>(&argument)) MW_TRY(read(*literal));
      }
    }
    for (const Attribute& attribute : operation->attributes()) MW_TRY(read(attribute.value));
    for (const auto& nested : operation->blocks()) MW_TRY(read_weights(*nested));
  }
  return {};
}

Status LiteralContents::read_weight(const Literal& literal) {
  if (literal.is_blob()) {
    std::string key = key_of(literal);
    if (hashes_.contains(key)) return {};
    MW_ASSIGN(const Literal loaded, files_->load(literal.blob_reference(), literal.type()));
    hashes_.emplace(std::move(key), hash(loaded));
  } else if (literal.type().kind() == Type::Kind::dict) {
    for (const auto& [key, value] : literal.pairs()) {
      MW_TRY(read_weight(key));
      MW_TRY(read_weight(value));
    }
  } else if (!literal.type().is_tensor()) {
    for (const Literal& item : literal.items()) MW_TRY(read_weight(item));
  }
  return {};
}

bool LiteralContents::is_ignored(const Literal& literal) const {
  if (comparison_ != WeightComparison::ignored || !literal.type().is_tensor()) return false;
  return literal.is_blob() || (is_static(literal.type().shape()) && literal.type().count() > kStrippedElements);
}

uint64_t LiteralContents::hash(const Literal& literal) const {
  const Type& type = literal.type();
  if (is_ignored(literal)) return hash_type(type);
  if (literal.is_blob()) {
    if (comparison_ == WeightComparison::references) return hash_text64(key_of(literal));
    const auto found = hashes_.find(key_of(literal));
    MW_CHECK(found != hashes_.end(), "a constant in {} has not been read", literal.blob_reference().path);
    return found->second;
  }
  if (type.is_tensor()) return hash_literal(literal);
  uint64_t hash_of_all = hash_type(type);
  if (type.kind() == Type::Kind::dict) {
    for (const auto& [key, value] : literal.pairs()) hash_of_all = mixed(mixed(hash_of_all, hash(key)), hash(value));
  } else {
    for (const Literal& item : literal.items()) hash_of_all = mixed(hash_of_all, hash(item));
  }
  return hash_of_all;
}

Result<Literal> LiteralContents::inlined(const Literal& literal) const {
  if (!literal.is_blob()) return literal;
  if (files_ == nullptr) return fail("{} has not been read", literal.blob_reference().path);
  return files_->load(literal.blob_reference(), literal.type());
}

bool same_constant(const Literal& a, const LiteralContents& a_contents, const Literal& b,
                   const LiteralContents& b_contents) {
  if (!(a.type() == b.type())) return false;
  if (a_contents.is_ignored(a) && b_contents.is_ignored(b)) return true;
  if (a.type().is_tensor() && !a.is_blob() && !b.is_blob()) return a == b;
  return a_contents.hash(a) == b_contents.hash(b);
}

}  // namespace millwright::mil
