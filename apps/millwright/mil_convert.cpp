// `millwright mil convert`: a program from any form into another.

#include <cerrno>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "commands.h"
#include "mil/container/model_folder.h"
#include "mil/printer.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

struct ConvertCommand {
  ProgramInput program;
  std::string out;
  bool inline_weights = false;
  bool json = false;
};

Status write_text(const mil::Program& program, const Path& path) {
  std::error_code ignored;
  if (std::filesystem::exists(std::filesystem::symlink_status(path, ignored))) {
    return fail(ErrorKind::io, "cannot write {}: something of this name exists; remove it or choose another name",
                path.string());
  }
  return write_file_atomically(path, mil::print(program));
}

struct Form {
  const char* extension;
  const char* name;
  Status (*write)(const mil::Program&, const Path&, mil::WeightFiles&);
};

constexpr Form kForms[] = {
    {".mlpackage", "mlpackage", mil::write_mlpackage},
    {".mlmodelc", "mlmodelc", mil::write_mlmodelc},
    {".mil", "text",
     [](const mil::Program& program, const Path& path, mil::WeightFiles&) { return write_text(program, path); }},
};

// By the end of the name; a slash behind a folder's does not count.
Result<const Form*> form_of(const std::string& out) {
  Path name = out;
  if (!name.has_filename()) name = name.parent_path();
  for (const Form& form : kForms) {
    if (name.extension() == form.extension) return &form;
  }
  return fail("{}: expected a name that ends in .mlpackage, .mlmodelc or .mil", out);
}

Status run_convert(const ConvertCommand& options) {
  MW_ASSIGN(const Form* form, form_of(options.out));
  MW_ASSIGN(mil::ProgramSource source, options.program.read_correct());
  if (options.inline_weights) MW_TRY(load_weights(source));
  mil::WeightFiles weights(source.folder);
  MW_TRY(form->write(*source.program, options.out, weights));
  const Json facts = {{"read", source.name}, {"written", options.out}, {"form", form->name}};
  options.json ? print_json(facts) : print_facts(facts);
  return {};
}

}  // namespace

void add_mil_convert(CommandTree& tree) {
  Command& command = tree.add("mil convert", "Turn a program into an .mlpackage, an .mlmodelc or text",
                              "  millwright mil convert model.mlpackage model.mlmodelc\n"
                              "  millwright mil convert model.mlmodelc model.mlpackage\n"
                              "  millwright mil convert --inline-weights model.mlpackage model.mil\n");
  auto options = std::make_shared<ConvertCommand>();
  options->program.add_to(command);
  options->program.add_weights_to(command);
  command.text("OUT", options->out, "PATH", "What to write: a name ending in .mlpackage, .mlmodelc or .mil").required =
      true;
  command.flag("--inline-weights", options->inline_weights,
               "Numbers of weight files into the text; without it, .mil keeps the references");
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_convert(*options); });
}

}  // namespace millwright::app
