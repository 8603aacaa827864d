#include "report.h"

#include <algorithm>
#include <set>

#include "ane/cost_basis.h"
#include "base/check.h"
#include "fit.h"

namespace millwright::bench {
namespace {

std::string_view subject_name(Subject subject) {
  switch (subject) {
    case Subject::time:
      return "time of an evaluation";
    case Subject::power:
      return "power and energy";
    case Subject::compile:
      return "compile time";
    case Subject::load:
      return "load and unload time";
  }
  return "";
}

std::string_view use_name(Use use) { return use == Use::calibration ? "calibration" : "validation"; }

std::string percent(double value) { return fmt::format("{:.1f} %", 100 * value); }

std::string cell(const ErrorSummary& summary) {
  if (summary.rows == 0) return "-";
  return fmt::format("{} ({})", percent(summary.median), summary.rows);
}

// Errors of the predictions that `wanted` takes.
template <class Wanted>
std::vector<double> errors_of(const std::vector<Prediction>& predictions, Wanted wanted) {
  std::vector<double> errors;
  for (const Prediction& p : predictions) {
    if (wanted(*p.measurement)) errors.push_back(p.error());
  }
  return errors;
}

std::set<std::string> chips_of(const std::vector<Prediction>& predictions) {
  std::set<std::string> chips;
  for (const Prediction& p : predictions) chips.insert(p.measurement->chip);
  return chips;
}

bool counts_for(const Fit& fit, Subject subject, const Measurement& m) {
  return m.use == Use::calibration && m.subject == subject && std::ranges::find(fit.chips, m.chip) != fit.chips.end();
}

// Errors of the rows of one source after a fit without it.
std::vector<double> held_out_errors(const Fit& one, Subject subject, const std::string& source,
                                    const std::vector<Measurement>& measurements,
                                    const std::map<std::string, Chip>& chips) {
  const Constants constants = fit(one, measurements, chips, source);
  std::vector<double> errors;
  for (const Measurement& m : measurements) {
    if (!counts_for(one, subject, m) || m.source != source) continue;
    const Chip& chip = chips.at(m.chip);
    const ane::CostParameters parameters = with_constants(chip.parameters, one, constants);
    errors.push_back(relative_error(predict(m, chip.workloads.at(m.workload), parameters), m.value));
  }
  return errors;
}

// Every constant of a chip with a word on where it comes from: docs/cost-model.md explains them.
std::vector<std::pair<std::string, std::string>> origins_of(const std::string& chip, bool has_rows) {
  using enum ane::CostPart;
  constexpr ane::CostPart kParts[] = {time, energy, int8, compile};
  const auto profile = ane::find_profile(chip);
  MW_CHECK(profile.has_value(), "{}", profile.error().message);
  std::vector<std::pair<std::string, std::string>> origins;
  for (const ane::BasisLine& line : ane::cost_basis(*profile, kParts)) {
    const bool is_own = has_rows && std::ranges::any_of(fits(), [&](const Fit& one) {
                          return one.profile == line.profile && std::ranges::find(one.chips, chip) != one.chips.end();
                        });
    const std::string fitted = is_own ? "own" : line.profile == "common" ? "m4" : line.profile;
    const std::string published = line.profile == chip ? "published" : "taken";
    for (const std::string& constant : line.constants) {
      if (constant.starts_with("memory.")) continue;  // rules of the chip
      origins.emplace_back(constant, line.is_fitted                           ? fitted
                                     : line.origin.starts_with("inference: ") ? "guess"
                                                                              : published);
    }
  }
  std::ranges::sort(origins);
  return origins;
}

}  // namespace

std::vector<Prediction> predict_all(const std::vector<Measurement>& measurements,
                                    const std::map<std::string, Chip>& chips, ane::CostOptions options) {
  std::vector<Prediction> all;
  for (const Measurement& m : measurements) all.push_back({&m, predict(m, chips, options)});
  return all;
}

ErrorSummary summarize(const std::vector<double>& errors) {
  if (errors.empty()) return {};
  std::vector<double> sorted = errors;
  std::ranges::sort(sorted);
  return {sorted.size(), median(sorted), sorted[sorted.size() * 3 / 4]};
}

std::string summary_table(const std::vector<Prediction>& predictions) {
  std::string text = "| | calibration: median error (rows) | validation |\n|---|---|---|\n";
  const auto line = [&](std::string_view name, auto wanted) {
    const auto of = [&](Use use) {
      return summarize(errors_of(predictions, [&](const Measurement& m) { return m.use == use && wanted(m); }));
    };
    text += fmt::format("| {} | {} | {} |\n", name, cell(of(Use::calibration)), cell(of(Use::validation)));
  };
  line("**all rows**", [](const Measurement&) { return true; });
  for (const Subject subject : {Subject::time, Subject::power, Subject::compile, Subject::load}) {
    line(subject_name(subject), [&](const Measurement& m) { return m.subject == subject; });
  }
  line("engine time of training steps", [](const Measurement& m) {
    return m.subject == Subject::time && (m.workload.starts_with("static") || m.workload.starts_with("dynamic"));
  });
  for (const std::string& chip : chips_of(predictions)) {
    line(chip, [&](const Measurement& m) { return m.chip == chip; });
  }
  return text;
}

std::string formula_table(const std::vector<Measurement>& measurements, const std::map<std::string, Chip>& chips) {
  std::string text = "| weights and activations | calibration | validation |\n|---|---|---|\n";
  for (const bool at_once : {true, false}) {
    ane::CostOptions options;
    options.traffic = at_once ? ane::CostOptions::Traffic::at_once : ane::CostOptions::Traffic::in_turn;
    const std::vector<Prediction> predictions = predict_all(measurements, chips, options);
    const auto of = [&](Use use) {
      return summarize(
          errors_of(predictions, [&](const Measurement& m) { return m.use == use && m.subject == Subject::time; }));
    };
    text += fmt::format("| {} | {} | {} |\n", at_once ? "at once" : "in turn", cell(of(Use::calibration)),
                        cell(of(Use::validation)));
  }
  return text;
}

std::string source_table(const std::vector<Measurement>& measurements, const std::map<std::string, Chip>& chips) {
  std::string text =
      "| chip | subject | source | rows | error with the source in the fit | left out of the fit |\n"
      "|---|---|---|---|---|---|\n";
  const std::vector<Prediction> fitted = predict_all(measurements, chips);
  for (const Fit& one : fits()) {
    if (!is_measured(one, chips)) continue;
    for (const Subject subject : {Subject::time, Subject::compile}) {
      const auto counts = [&](const Measurement& m) { return counts_for(one, subject, m); };
      std::set<std::string> sources;
      for (const Measurement& m : measurements) {
        if (counts(m)) sources.insert(m.source);
      }
      for (const std::string& source : sources) {
        const ErrorSummary in =
            summarize(errors_of(fitted, [&](const Measurement& m) { return counts(m) && m.source == source; }));
        const ErrorSummary out = summarize(held_out_errors(one, subject, source, measurements, chips));
        text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", one.profile, subject_name(subject), source, in.rows,
                            percent(in.median), percent(out.median));
      }
    }
  }
  return text;
}

std::string constant_table(const std::map<std::string, Chip>& chips) {
  std::string text = "| constant |";
  std::string rule = "|---|";
  for (const auto& [name, chip] : chips) {
    text += fmt::format(" {} |", name);
    rule += "---|";
  }
  text += "\n" + rule + "\n";
  std::vector<ane::FittedConstant> constants = ane::fitted_time_constants();
  for (const ane::FittedConstant& constant : ane::fitted_compile_constants()) constants.push_back(constant);
  for (const ane::FittedConstant& constant : constants) {
    text += fmt::format("| {} |", constant.key);
    for (const auto& [name, chip] : chips) {
      text += fmt::format(" {:.4g} |", chip.parameters.*constant.member / constant.unit);
    }
    text += "\n";
  }
  return text;
}

std::string count_table() {
  std::string text = "| profile | fitted constants | which |\n|---|---|---|\n";
  for (const Fit& one : fits()) {
    std::string keys;
    for (const ane::FittedConstant& constant : one.constants) {
      keys += (keys.empty() ? "" : ", ") + std::string(constant.key);
    }
    text += fmt::format("| {} | {} | {} |\n", one.profile, one.constants.size(), keys);
  }
  return text;
}

std::string gap_table(const std::vector<Measurement>& measurements) {
  std::string head = "| |";
  std::string rule = "|---|";
  std::string calibration = "| calibration rows |";
  std::string validation = "| validation rows |";
  std::vector<std::pair<std::string, std::string>> lines;  // constant, cells
  for (const std::string& chip : ane::profile_names()) {
    const auto rows = [&](Use use) {
      return std::ranges::count_if(measurements, [&](const Measurement& m) { return m.chip == chip && m.use == use; });
    };
    head += fmt::format(" {} |", chip);
    rule += "---|";
    calibration += fmt::format(" {} |", rows(Use::calibration));
    validation += fmt::format(" {} |", rows(Use::validation));
    for (const auto& [constant, origin] : origins_of(chip, rows(Use::calibration) > 0)) {
      auto line = std::ranges::find(lines, constant, &std::pair<std::string, std::string>::first);
      if (line == lines.end()) line = lines.insert(lines.end(), {constant, ""});
      line->second += fmt::format(" {} |", origin);
    }
  }
  std::string text = fmt::format("{}\n{}\n{}\n{}\n", head, rule, calibration, validation);
  for (const auto& [constant, cells] : lines) text += fmt::format("| {} |{}\n", constant, cells);
  return text;
}

std::string row_table(const std::vector<Prediction>& predictions, Use use) {
  std::string text =
      "| id | chip | workload | metric | published | predicted | error | source | note |\n"
      "|---|---|---|---|---|---|---|---|---|\n";
  for (const Prediction& p : predictions) {
    const Measurement& m = *p.measurement;
    if (m.use != use) continue;
    text += fmt::format("| {} | {} | {} | {} | {:.4g} {} | {:.4g} | {:+.0f} % | {} | {} |\n", m.id, m.chip, m.workload,
                        m.metric, m.value, m.unit, p.predicted, 100 * (p.predicted / m.value - 1), m.source, m.note);
  }
  return text;
}

std::string row_csv(const std::vector<Prediction>& predictions) {
  std::string text = "id,chip,use,workload,metric,published,predicted,unit,error_percent,source,note\n";
  for (const Prediction& p : predictions) {
    const Measurement& m = *p.measurement;
    text += fmt::format("{},{},{},{},{},{},{:.5g},{},{:+.1f},{},{}\n", m.id, m.chip, use_name(m.use), m.workload,
                        m.metric, m.value, p.predicted, m.unit, 100 * (p.predicted / m.value - 1), m.source, m.note);
  }
  return text;
}

}  // namespace millwright::bench
