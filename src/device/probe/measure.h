// Runs the programs of the published hardware study (ane/probes.h) on any device, as the study did: compile, load,
// evaluate some times, take the best by the device's own clock.
#pragma once

#include <cstdint>

#include "ane/probe_report.h"
#include "ane/probes.h"
#include "base/result.h"
#include "device/device.h"

namespace millwright::device {

struct MeasureOptions {
  int64_t runs = 20;      // that count, of which the best is taken; two come before, which are slow everywhere (C68)
  double patience = 1.0;  // no further run once those of a program have taken so many seconds of this machine
};

// Compiles, loads and evaluates one program. Fails as the device does.
Result<ane::ProbeSample> measure(Device& device, const ane::ProbePoint& point, const MeasureOptions& options);

// Every program of a probe. Fails at once where the probe is about something that the device has not: classes of
// service, or a meter of energy.
Result<std::vector<ane::ProbeSample>> measure_probe(Device& device, const ane::Probe& probe,
                                                    const MeasureOptions& options);

// Who ran them, for reports. The device must outlive the subject.
ane::ProbeSubject subject_of(const Device& device);

}  // namespace millwright::device
