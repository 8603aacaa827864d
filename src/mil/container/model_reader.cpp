#include <algorithm>

#include "base/json.h"
#include "mil/container/model_folder.h"
#include "mil/container/model_message.h"
#include "mil/parser.h"

namespace millwright::mil {
namespace {

Result<Program> read_message(const Path& path) {
  MW_ASSIGN(const MappedFile file, MappedFile::open(path));
  return decode_model(file.text(), path.string());
}

Result<Program> read_text(const Path& path) {
  MW_ASSIGN(const MappedFile file, MappedFile::open(path));
  return parse_program(file.text(), path.string());
}

bool leads_out(const Path& path) {
  return path.empty() || path.is_absolute() || std::ranges::any_of(path, [](const Path& part) { return part == ".."; });
}

// The path of the root model below Data/, as the manifest says.
Result<Path> root_model(const Path& manifest) {
  constexpr size_t kMostBytes = size_t{1} << 20;
  const std::string source = manifest.string();
  MW_ASSIGN(const std::string text, read_text_file(manifest, kMostBytes));
  MW_ASSIGN(const Json json, parse_json(text, source));
  if (!json.is_object()) return fail("{}: expected a JSON object", source);
  MW_ASSIGN(const std::string root, json_string(json, "rootModelIdentifier", source));
  MW_ASSIGN(const Json* items, json_object(json, "itemInfoEntries", source));
  MW_ASSIGN(const Json* item, json_object(*items, root, source));
  MW_ASSIGN(const std::string path, json_string(*item, "path", source));
  if (leads_out(path)) {
    return fail("{}: expected the path of the root model inside the package, found \"{}\"", source, path);
  }
  return Path(path);
}

bool is_there(const Path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

Result<Model> read_mlpackage(const Path& package) {
  MW_ASSIGN(const Path inside, root_model(package / "Manifest.json"));
  const Path model = package / "Data" / inside;
  MW_ASSIGN(Program program, read_message(model));
  return Model{std::move(program), model.parent_path()};
}

Result<Model> read_mlmodelc(const Path& folder) {
  MW_ASSIGN(Program program, read_text(folder / "model.mil"));
  return Model{std::move(program), folder};
}

Result<Model> read_model(const Path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    if (is_there(path / "Manifest.json")) return read_mlpackage(path);
    if (is_there(path / "model.mil")) return read_mlmodelc(path);
    return fail("{}: expected a folder with a Manifest.json (.mlpackage) or a model.mil (.mlmodelc), found neither",
                path.string());
  }
  MW_ASSIGN(Program program, path.extension() == ".mlmodel" ? read_message(path) : read_text(path));
  return Model{std::move(program), path.parent_path()};
}

}  // namespace millwright::mil
