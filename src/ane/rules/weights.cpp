// Section 5 of the catalogue: weight files, and weights of few bits.
#include <algorithm>
#include <set>

#include "ane/rules/rule.h"
#include "ane/rules/walk.h"
#include "ane/rules/weight_record.h"
#include "mil/blob/blob_format.h"

namespace millwright::ane {

namespace {

using mil::ElementType;
using mil::Operation;

// What a strict compiler refuses, a lenient one reads as it stands.
void report_damage(const WeightUse& use, std::string problem, const ChipProfile& profile, Report& report) {
  Finding& finding = report.add(*use.operation, std::move(problem));
  if (*profile.rules.blob_validation == BlobValidation::strict) return;
  finding.stage = Stage::silent;
  finding.verdict = Verdict::warning;
  finding.effect = "the weights are garbage";
}

// Visits each reference whose file is there. A file that is missing or cannot be read is the loader's to report.
template <class Visit>
void for_each_record(const mil::Program& program, mil::WeightFiles& files, Visit&& visit) {
  for (const WeightUse& use : weight_uses(program)) {
    const Result<std::span<const std::byte>> bytes = files.bytes(use.path());
    if (bytes) visit(use, read_record(*bytes, use.offset()), bytes->size());
  }
}

bool is_record(const WeightRecord& record) { return record.in_file && record.sentinel == mil::kBlobSentinel; }

// C40.
void record_offsets(const mil::Program& program, mil::WeightFiles& files, const ChipProfile& profile, Report& report) {
  for_each_record(program, files, [&](const WeightUse& use, const WeightRecord& record, size_t) {
    if (is_record(record) && use.offset() % mil::kBlobAlignment == 0) return;
    report_damage(use, fmt::format("no record begins at offset {} of {}", use.offset(), use.path()), profile, report);
  });
}

// C41.
void record_sizes(const mil::Program& program, mil::WeightFiles& files, const ChipProfile& profile, Report& report) {
  for_each_record(program, files, [&](const WeightUse& use, const WeightRecord& record, size_t) {
    if (!is_record(record) || !mil::is_static(use.literal->type().shape())) return;
    const mil::Type& type = use.literal->type();
    const auto code = mil::blob_code(type.element());
    if (!code || *code != record.element_code) {
      report_damage(use,
                    fmt::format("the record has element code {}, {} has {}", record.element_code,
                                mil::element_name(type.element()), code ? fmt::format("{}", *code) : "none"),
                    profile, report);
      return;
    }
    constexpr int64_t kMostElements = int64_t{1} << 56;  // of blob_bytes
    const uint64_t expected =
        mil::blob_bytes(type.element(), static_cast<uint64_t>(std::min(type.count(), kMostElements)));
    if (record.payload_bytes != expected) {
      report_damage(
          use,
          fmt::format("the record has {} bytes, {} takes {}", record.payload_bytes, mil::type_text(type), expected),
          profile, report);
    }
  });
}

// C42.
void weight_file_count(const mil::Program& program, const ChipProfile& profile, Report& report) {
  std::set<std::string_view> paths;
  for (const WeightUse& use : weight_uses(program)) paths.insert(use.path());
  const int64_t limit = *profile.limits.blob_files;
  const auto count = static_cast<int64_t>(paths.size());
  if (count > limit) report.add("program", fmt::format("has {} weight files, at most {} fit", count, limit));
}

// Payload offsets at or above do not fit into what the engine reads of them.
constexpr uint64_t kPayloadOffsetLimit = uint64_t{1} << 32;

// C43.
void payload_offsets(const mil::Program& program, mil::WeightFiles& files, const ChipProfile& profile, Report& report) {
  for_each_record(program, files, [&](const WeightUse& use, const WeightRecord& record, size_t size) {
    if (!is_record(record)) return;
    const bool inside = record.payload_offset <= size && record.payload_bytes <= size - record.payload_offset;
    const bool behind = record.payload_offset >= use.offset() + mil::kBlobAlignment;
    if (inside && behind && record.payload_offset < kPayloadOffsetLimit) return;
    report_damage(use,
                  fmt::format("its payload of {} bytes at byte {} is not behind its record in the first 4 GiB of {}",
                              record.payload_bytes, record.payload_offset, use.path()),
                  profile, report);
  });
}

bool is_narrow_integer(ElementType element) { return mil::is_packed(element) && element != ElementType::uint1; }

// C44.
void narrow_weights(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (*profile.rules.route != Route::in_memory) return;
  const auto check = [&](const mil::Type& type, std::string_view name) {
    if (!is_data(type)) return;
    if (is_narrow_integer(type.element())) {
      report.add(operation, fmt::format("{} is {}", name, mil::type_text(type)));
    } else if (type.element() == ElementType::uint8 && operation.kind() == "constexpr_blockwise_shift_scale") {
      Finding& finding = report.add(operation, fmt::format("{} is {}", name, mil::type_text(type)));
      finding.stage = Stage::silent;
      finding.verdict = Verdict::warning;
      finding.effect = "the weights are garbage";
    }
  };
  if (is_constant_kind(operation) && !operation.is_const()) {
    for (const mil::Attribute& attribute : operation.attributes()) check(attribute.value.type(), attribute.name);
    for (const mil::Operand& operand : operation.operands()) {
      for (const mil::Argument& argument : operand.arguments) {
        const auto* value = std::get_if<mil::Value*>(&argument);
        check(value != nullptr ? (*value)->type() : std::get<mil::Literal>(argument).type(), operand.name);
      }
    }
  } else if (!operation.is_const()) {
    for (const mil::Value* operand : operation.all_operands()) check(operand->type(), operand->name());
  }
}

constexpr std::string_view kRefused = "the compiler refuses the file (InvalidMILProgram)";
constexpr std::string_view kWriteAgain = "write the file again with mil convert";

}  // namespace

std::span<const Rule> weight_rules() {
  static const Rule rules[] = {
      {"C40", Stage::compile, Verdict::error, "a weight's offset names its record", "rules.blob_validation",
       "or #8; rl", kRefused, "give the offset of the record, 64 for the first", record_offsets},
      {"C41", Stage::compile, Verdict::error, "a record has its tensor's element type and size",
       "rules.blob_validation", "mx; mx#28; mx#42", kRefused, kWriteAgain, record_sizes},
      {"C42", Stage::compile, Verdict::error, "a program has at most this many weight files", "limits.blob_files",
       "m5doc", "the compile fails (ANECCompile() FAILED)", "put several weights into one file", weight_file_count},
      {"C43", Stage::compile, Verdict::error, "a payload's offset counts from the start of the file, below 4 GiB",
       "rules.blob_validation", "m5doc", kRefused, kWriteAgain, payload_offsets},
      {"C44", Stage::compile, Verdict::error, "the in-memory interface has no int4 weights", "rules.route",
       "iron; m5doc; guide ch7", "the compile fails (ANECCompile() FAILED)", "use int8 or fp16", narrow_weights},
  };
  return rules;
}

}  // namespace millwright::ane
