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
  return folder_ / inside;
}

Result<const BlobFile*> WeightFiles::open(const std::string& path) {
  const auto found = files_.find(path);
  if (found != files_.end()) return found->second.get();
  MW_ASSIGN(const Path place, resolve(path));
  MW_ASSIGN(BlobFile file, BlobFile::open(place));
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
