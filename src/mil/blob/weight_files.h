// The weight files of one model: finds the file that a BLOBFILE path names, among bytes in memory or inside the model's
// folder, where it keeps it mapped. Not thread-safe.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/files.h"
#include "base/result.h"
#include "mil/blob/blob_file.h"
#include "mil/literal.h"

namespace millwright::mil {

// What every path of a weight file begins with; it stands for the folder of the model.
inline constexpr std::string_view kModelPath = "@model_path/";

class WeightFiles {
 public:
  // No folder: only what is provided is there.
  WeightFiles() = default;
  explicit WeightFiles(Path folder) : folder_(std::move(folder)) {}

  // Bytes that stand for the file of this path, whatever the folder has; they must outlive this object.
  void provide(const std::string& path, std::span<const std::byte> bytes);

  // The bytes of the file that a path names, right or wrong as they are. Valid as long as this object is.
  Result<std::span<const std::byte>> bytes(const std::string& path);

  // The place of "@model_path/weights/weight.bin" in the folder. Other beginnings and paths that lead out of the folder
  // are errors. Links inside the folder are followed: downloaded models keep their weights behind them.
  Result<Path> resolve(const std::string& path) const;
  // The weight file behind such a path, opened once. Valid as long as this object is.
  Result<const BlobFile*> open(const std::string& path);
  // The elements of a literal that stands in a weight file.
  Result<Literal> load(const BlobReference& reference, const Type& type);

 private:
  struct Content {
    std::span<const std::byte> bytes;
    std::string name;  // in messages
  };
  Result<const Content*> content(const std::string& path);

  // By path as written.
  std::map<std::string, Content> contents_;
  std::map<std::string, std::unique_ptr<BlobFile>> files_;
  std::optional<Path> folder_;
  std::vector<MappedFile> mappings_;
};

// One literal without a WeightFiles of its own.
Result<Literal> load(const BlobReference& reference, const Type& type, const Path& model_folder);

}  // namespace millwright::mil
