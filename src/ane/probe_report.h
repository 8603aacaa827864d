// Shows what a probe gave: a table, notes and a figure. A number is called predicted where a virtual clock gave it,
// with what the prediction stands on; the numbers that were published of the chip stand beside.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "ane/chip_profile.h"
#include "ane/cost_basis.h"
#include "ane/probes.h"

namespace millwright::ane {

// Who ran the programs.
struct ProbeSubject {
  std::string device;                 // "emulated m4", "cpu"
  const ChipProfile* chip = nullptr;  // none where the device is no engine
  bool is_predicted = false;

  // "predicted" or "measured".
  std::string_view verb() const { return is_predicted ? "predicted" : "measured"; }
  // The built-in profile whose published numbers are about this chip, as it is or in a variant: "m4". Empty: none.
  std::string published_chip() const;
};

// What was published of a program on a chip, in units that probes have.
std::vector<PublishedValue> published_of(const ProbePoint& point, std::string_view chip);

// Lines about the whole: what the samples say together, what was published, what disputes it, and what a prediction
// stands on. `topic` is "found", "published", "disputed", "predicted from" or "refused".
struct ProbeNote {
  std::string topic;
  std::string text;
};
std::vector<ProbeNote> probe_notes(const Probe& probe, const std::vector<ProbeSample>& samples,
                                   const ProbeSubject& subject);
// What predictions of these parts stand on; none of a measurement.
std::vector<ProbeNote> basis_notes(const ProbeSubject& subject, std::span<const CostPart> parts);
std::string notes_text(const std::vector<ProbeNote>& notes);

// Aligned text, one line per program, and the notes.
std::string probe_table(const Probe& probe, const std::vector<ProbeSample>& samples, const ProbeSubject& subject);
// SVG: a line per series, and the published points.
std::string probe_figure(const Probe& probe, const std::vector<ProbeSample>& samples, const ProbeSubject& subject);

}  // namespace millwright::ane
