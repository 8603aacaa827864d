// The weight files of one model: finds the file that a BLOBFILE path names inside the model's folder and keeps it
// mapped. Not thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/files.h"
#include "base/result.h"
#include "mil/blob/blob_file.h"
#include "mil/literal.h"

namespace millwright::mil {

// What every path of a weight file begins with; it stands for the folder of the model.
inline constexpr std::string_view kModelPath = "@model_path/";

class WeightFiles {
 public:
  explicit WeightFiles(Path folder) : folder_(std::move(folder)) {}

  const Path& folder() const { return folder_; }

  // The place of "@model_path/weights/weight.bin" in the folder. Other beginnings and paths that lead out of the folder
  // are errors. Links inside the folder are followed: downloaded models keep their weights behind them.
  Result<Path> resolve(const std::string& path) const;
  // The file behind such a path, opened once. Valid as long as this object is.
  Result<const BlobFile*> open(const std::string& path);
  // The elements of a literal that stands in a weight file.
  Result<Literal> load(const BlobReference& reference, const Type& type);

 private:
  Path folder_;
  std::map<std::string, std::unique_ptr<BlobFile>> files_;  // by path as written
};

// One literal without a WeightFiles of its own.
Result<Literal> load(const BlobReference& reference, const Type& type, const Path& model_folder);

}  // namespace millwright::mil
