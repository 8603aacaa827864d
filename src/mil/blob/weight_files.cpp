#include "mil/blob/weight_files.h"

#include <algorithm>

namespace millwright::mil {

Result<Path> WeightFiles::resolve(const std::string& path) const {
  if (!path.starts_with(kModelPath)) {
    return fail("expected a weight file path that begins with {}, found \"{}\"", kModelPath, path);
  }
  const Path inside = path.substr(kModelPath.size());
  const bool leads_out =
      inside.is_absolute() || std::ranges::any_of(inside, [](const Path& part) { return part == ".."; });
  if (leads_out || inside.empty() || path.find('\0') != std::string::npos) {
    return fail("expected a weight file inside the model's folder, found \"{}\"", path);
  }
  if (folder_) return *folder_ / inside;
  std::string given;
  for (const auto& [name, content] : contents_) given += (given.empty() ? "" : ", ") + name;
  return fail("the weight file {} is missing; given: {}", path, given.empty() ? "none" : given);
}

void WeightFiles::provide(const std::string& path, std::span<const std::byte> bytes) {
  contents_[path] = {bytes, path};
}

Result<const WeightFiles::Content*> WeightFiles::content(const std::string& path) {
  const auto found = contents_.find(path);
  if (found != contents_.end()) return &found->second;
  MW_ASSIGN(const Path place, resolve(path));
  MW_ASSIGN(MappedFile mapping, MappedFile::open(place));
  mappings_.push_back(std::move(mapping));
  return &(contents_[path] = {mappings_.back().bytes(), place.string()});
}

Result<std::span<const std::byte>> WeightFiles::bytes(const std::string& path) {
  MW_ASSIGN(const Content* found, content(path));
  return found->bytes;
}

Result<const BlobFile*> WeightFiles::open(const std::string& path) {
  const auto known = files_.find(path);
  if (known != files_.end()) return known->second.get();
  MW_ASSIGN(const Content* found, content(path));
  MW_ASSIGN(BlobFile file, BlobFile::view(found->bytes, found->name));
  return files_.emplace(path, std::make_unique<BlobFile>(std::move(file))).first->second.get();
}

Result<Literal> WeightFiles::load(const BlobReference& reference, const Type& type) {
  MW_ASSIGN(const BlobFile* file, open(reference.path));
  return file->load(reference.offset, type);
}

Result<Literal> load(const BlobReference& reference, const Type& type, const Path& model_folder) {
  return WeightFiles(model_folder).load(reference, type);
}

}  // namespace millwright::mil
