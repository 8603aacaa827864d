// The study's probe of the compile budget: how many programs one process may compile, and what happens then.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ane/probe_report.h"
#include "base/result.h"
#include "device/device.h"

namespace millwright::device {

struct CompileLimit {
  std::vector<double> seconds;         // of every compile that the device accepted, by its own clock
  std::optional<std::string> refusal;  // of the next one; nothing: it accepted as many as were asked for
  // After the refusal: whether it takes the first program once more, which it knows already.
  bool takes_known_program = false;

  int64_t accepted() const { return static_cast<int64_t>(seconds.size()); }
};

// Compiles programs that differ until the device refuses one because something of it is used up, `most` at the most.
// The budget of this process is gone afterwards. Other refusals are errors.
Result<CompileLimit> probe_compile_limit(Device& device, int64_t most);

std::vector<ane::ProbeNote> compile_limit_notes(const CompileLimit& limit, const ane::ProbeSubject& subject);
std::string compile_limit_table(const CompileLimit& limit, const ane::ProbeSubject& subject);
// SVG: programs accepted over programs tried, and the published limits.
std::string compile_limit_figure(const CompileLimit& limit, const ane::ProbeSubject& subject);

}  // namespace millwright::device
