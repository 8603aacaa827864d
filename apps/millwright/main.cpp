// The `millwright` command: builds the tree of subcommands, runs one, and turns errors into one line and an exit code.

#include <csignal>
#include <cstdio>
#include <exception>
#include <new>
#include <string>

#include "commands.h"
#include "exit_codes.h"
#include "output.h"

namespace millwright::app {
namespace {

// A path in a message may hold any byte: what would break the line or drive the terminal becomes '?'.
std::string one_line(std::string message) {
  for (char& c : message) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return message;
}

int report(const std::string& name, const std::string& message, int code) {
  std::fprintf(stderr, "%s: %s\n", name.c_str(), one_line(message).c_str());
  return code;
}

Status parse_and_run(int argc, const char* const* argv, std::string& name) {
  CommandTree tree;
  add_tokenize(tree);
  add_train(tree);
  add_eval(tree);
  add_generate(tree);
  add_info(tree);
  add_devices(tree);
  add_probe(tree);
  add_plan(tree);
  add_simulate(tree);
  add_mil(tree);
  add_completion(tree);
  MW_ASSIGN(const CommandTree::Parsed parsed, tree.parse(argc, argv, name));
  if (parsed.command != nullptr) {
    Status status = parsed.command->run();
    if (!status) {
      // What the command found may stand in the output that is lost.
      if (const Status written = output_status(); !written) {
        status.error().message += "; " + written.error().message;
      }
      return status;
    }
  } else {
    print(parsed.text);
  }
  return output_status();
}

int run(int argc, const char* const* argv) {
  // A reader that goes away and a file size limit are failed writes with a message, not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::string name = "millwright";
  try {
    const Status status = parse_and_run(argc, argv, name);
    return status ? kOk.code : report(name, status.error().message, exit_code(status.error().kind));
  } catch (const std::bad_alloc&) {
    return report(name, "out of memory; use a smaller model, batch or sequence", kExhausted.code);
  } catch (const std::exception& error) {
    return report(name, std::string("internal error: ") + error.what() + "; please report it", kInternal.code);
  } catch (...) {
    return report(name, "internal error of unknown kind; please report it", kInternal.code);
  }
}

}  // namespace
}  // namespace millwright::app

int main(int argc, char** argv) { return millwright::app::run(argc, argv); }
