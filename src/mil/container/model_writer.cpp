#include <unistd.h>

#include "base/function_ref.h"
#include "base/hash.h"
#include "base/json.h"
#include "mil/blob/program_blobs.h"
#include "mil/container/model_folder.h"
#include "mil/container/model_message.h"
#include "mil/printer.h"

namespace millwright::mil {
namespace {

constexpr std::string_view kWeightPath = "@model_path/weights/weight.bin";

Program copy_of(const Program& program) {
  Program copy(program.version());
  copy.attributes() = program.attributes();
  for (const auto& function : program.functions()) copy.add_function(clone(*function));
  return copy;
}

// Moves the constants into `folder`/weights/weight.bin. A program without large constants has no such file.
Result<bool> write_weights(Program& program, const Path& folder, WeightFiles& weights) {
  MW_TRY(make_directories(folder / "weights"));
  MW_ASSIGN(BlobWriter writer, BlobWriter::create(folder / "weights" / "weight.bin"));
  MW_TRY(store_blobs(program, kBlobElements, writer, std::string(kWeightPath), weights));
  if (writer.count() == 0) return false;
  MW_TRY(writer.commit());
  return true;
}

// Fills a folder of a temporary name, then gives it its own.
Status write_folder(const Path& folder, FunctionRef<Status(const Path&)> fill) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(folder, ignored))) {
    return fail(ErrorKind::io, "cannot write {}: something of this name exists; remove it or choose another name",
                folder.string());
  }
  Path name = folder;
  if (!name.has_filename()) name = name.parent_path();  // behind a final slash
  const Path temporary = name.string() + ".partial-" + std::to_string(getpid());
  Status status = make_directories(temporary);
  if (status) status = fill(temporary);
  if (status) status = rename_directory_atomically(temporary, name);
  if (!status) std::filesystem::remove_all(temporary, ignored);
  return status;
}

// Identifiers in a manifest look like UUIDs; these follow from the content, so that equal models are equal folders.
std::string identifier_of(std::string_view content) {
  std::string digits = hash_bytes(as_bytes(content));
  for (char& c : digits) {
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  }
  for (const size_t position : {8, 13, 18, 23}) digits.insert(position, 1, '-');
  return digits;
}

std::string manifest(std::string_view model, bool has_weights) {
  const std::string root = identifier_of(model);
  const auto item = [](const char* description, const char* name) {
    return Json{{"author", "com.apple.CoreML"},
                {"description", description},
                {"name", name},
                {"path", std::string("com.apple.CoreML/") + name}};
  };
  Json items = {{root, item("CoreML Model Specification", "model.mlmodel")}};
  if (has_weights) items[identifier_of(root)] = item("CoreML Model Weights", "weights");
  const Json json = {{"fileFormatVersion", "1.0.0"}, {"itemInfoEntries", items}, {"rootModelIdentifier", root}};
  return json.dump(4) + "\n";
}

Status remove_empty_weights(const Path& folder) {
  std::error_code error;
  std::filesystem::remove(folder / "weights", error);
  if (error) return system_error("remove the folder", folder / "weights", error.value());
  return {};
}

}  // namespace

Status write_mlpackage(const Program& program, const Path& package, WeightFiles& weights) {
  return write_folder(package, [&](const Path& folder) -> Status {
    const Path data = folder / "Data" / "com.apple.CoreML";
    Program stored = copy_of(program);
    MW_ASSIGN(const bool has_weights, write_weights(stored, data, weights));
    if (!has_weights) MW_TRY(remove_empty_weights(data));
    MW_ASSIGN(const std::string model, encode_model(stored));
    MW_TRY(write_file_atomically(data / "model.mlmodel", model));
    MW_TRY(sync_directory(folder / "Data"));
    return write_file_atomically(folder / "Manifest.json", manifest(model, has_weights));
  });
}

Status write_mlmodelc(const Program& program, const Path& folder, WeightFiles& weights) {
  return write_folder(folder, [&](const Path& temporary) -> Status {
    Program stored = copy_of(program);
    MW_ASSIGN(const bool has_weights, write_weights(stored, temporary, weights));
    if (!has_weights) MW_TRY(remove_empty_weights(temporary));
    return write_file_atomically(temporary / "model.mil", print(stored));
  });
}

}  // namespace millwright::mil
