// bench/numerics: how far `fast` and `faithful` numerics of the emulated engine are apart, operation by operation: the
// table of docs/emulated-engine.md. Inputs are random; the largest differences of all seeds are shown.
//
//   numerics [--seeds N]
#include <CLI/CLI.hpp>

#include <algorithm>
#include <optional>
#include <string>

#include "command_line.h"
#include "device/operation_numerics.h"

namespace millwright::device {
namespace {

// The largest differences over all seeds; nothing where one of the two does not run the operation.
std::optional<Difference> worst_difference(const OperationProgram& program, int seeds) {
  Difference worst;
  for (int seed = 1; seed <= seeds; ++seed) {
    const std::vector<mil::Literal> inputs = random_inputs(program, static_cast<uint64_t>(seed));
    const auto fast = run_numerics(program, inputs, Numerics::fast);
    const auto faithful = run_numerics(program, inputs, Numerics::faithful);
    if (!fast || !faithful) return std::nullopt;
    const Difference difference = difference_of(*fast, *faithful);
    worst.differing = std::max(worst.differing, difference.differing);
    worst.absolute = std::max(worst.absolute, difference.absolute);
    worst.units = std::max(worst.units, difference.units);
  }
  return worst;
}

void run(int seeds) {
  std::string equal, missing;
  fmt::print("| operation | apart by | elements that differ | largest difference | in units of the largest result |\n");
  fmt::print("|---|---|---:|---:|---:|\n");
  for (const OperationProgram& program : operation_programs()) {
    const std::optional<Difference> worst = worst_difference(program, seeds);
    if (!worst) {
      missing += (missing.empty() ? "" : ", ") + program.kind;
    } else if (worst->differing == 0) {
      equal += (equal.empty() ? "" : ", ") + program.kind;
    } else {
      fmt::print("| {} | {} | {:.2g} % | {:.2g} | {:.2g} |\n", program.kind, apart_name(program.apart),
                 100 * worst->differing, worst->absolute, worst->units);
    }
  }
  fmt::print("\nEqual bits: {}.\nNot run: {}.\n", equal, missing.empty() ? "none" : missing);
}

}  // namespace
}  // namespace millwright::device

int main(int argc, char** argv) {
  CLI::App app{"Fast and faithful numerics of the emulated engine, operation by operation"};
  int seeds = 3;
  app.add_option("--seeds", seeds, "Random inputs")->check(CLI::Range(1, 1000))->capture_default_str();
  if (const auto code = millwright::bench::parse_command_line(app, "numerics", argc, argv)) return *code;
  millwright::device::run(seeds);
  return 0;
}
