#include "mil/container/program_source.h"

#include "mil/container/model_folder.h"
#include "mil/container/model_message.h"
#include "mil/container/program_message.h"
#include "mil/container/wire.h"
#include "mil/parser.h"

namespace millwright::mil {
namespace {

// The tags that a Model or Program message can begin with (fields 1 to 4). None of them begins MIL text.
bool begins_like_message(std::string_view bytes) {
  constexpr std::string_view kFirstTags = "\x08\x12\x1a\x22";
  return !bytes.empty() && kFirstTags.find(bytes.front()) != std::string_view::npos;
}

// A Model keeps its content in fields from 200 on; a Program has none of these. False for what is no message at all.
bool is_model(std::string_view bytes) {
  try {
    for (protozero::pbf_reader reader(bytes.data(), bytes.size()); reader.next(); reader.skip()) {
      if (reader.tag() >= wire::model::kFirstType) return true;
    }
  } catch (const protozero::exception&) {
    return false;
  }
  return false;
}

ProgramSource source_of(Program program, std::string name, Path folder) {
  ProgramSource source;
  source.name = std::move(name);
  source.program = std::move(program);
  source.folder = std::move(folder);
  return source;
}

bool is_there(const Path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

Result<ProgramSource> read_file(const Path& path) {
  MW_ASSIGN(const MappedFile file, MappedFile::open(path));
  return read_program_source(file.text(), path.string(), path.parent_path());
}

}  // namespace

Result<ProgramSource> read_program_source(const Path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return read_file(path);
  if (!is_there(path / "Manifest.json") && is_there(path / "model.mil")) return read_file(path / "model.mil");
  MW_ASSIGN(Model model, read_model(path));
  return source_of(std::move(model.program), path.string(), std::move(model.folder));
}

Result<ProgramSource> read_program_source(std::string_view bytes, const std::string& name, const Path& folder) {
  if (begins_like_message(bytes)) {
    MW_ASSIGN(Program program, is_model(bytes) ? decode_model(bytes, name) : decode_program(bytes, name));
    if (program.functions().empty()) return fail("{}: expected a model or program message with a function", name);
    return source_of(std::move(program), name, folder);
  }
  ParseResult parsed = parse(bytes);
  ProgramSource source;
  source.name = name;
  source.program = std::move(parsed.program);
  source.diagnostics = std::move(parsed.diagnostics);
  source.folder = folder;
  return source;
}

}  // namespace millwright::mil
