#include "device/emulated/engine_weights.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "ane/rules/check.h"
#include "ane/rules/walk.h"
#include "ane/rules/weight_record.h"
#include "mil/blob/blob_format.h"
#include "mil/blob/program_blobs.h"

namespace millwright::device {
namespace {

constexpr uint64_t kReadableBytes = uint64_t{1} << 32;  // what 32-bit offsets reach (C43)

Status check_files_are_there(const mil::Program& program, mil::WeightFiles& files, const ane::ChipProfile& profile) {
  for (const ane::WeightUse& use : ane::weight_uses(program)) {
    const auto bytes = files.bytes(use.path());
    if (bytes) continue;
    ane::Finding finding =
        ane::check_event({.kind = ane::LifecycleEvent::Kind::compile, .directory_is_ready = false}, profile).at(0);
    finding.subject = ane::subject_of(*use.operation);
    finding.problem = bytes.error().message;
    return fail("{}", ane::finding_text(finding));
  }
  return {};
}

// As it stands, right or wrong.
Result<mil::Literal> read_blindly(mil::WeightFiles& files, const mil::BlobReference& reference, const mil::Type& type) {
  MW_ASSIGN(const std::span<const std::byte> file, files.bytes(reference.path));
  const mil::ElementType element = type.element();
  const bool is_countable = type.is_tensor() && mil::is_static(type.shape()) && mil::blob_code(element);
  const auto count = is_countable ? static_cast<uint64_t>(type.count()) : 0;
  if (!is_countable || count >= kReadableBytes || mil::blob_bytes(element, count) > kReadableBytes) {
    return fail("{}: no weight file holds {}", reference.path.view(), mil::type_text(type));
  }
  const ane::WeightRecord record = ane::read_record(file, reference.offset);
  std::vector<std::byte> payload(mil::blob_bytes(element, count));  // zeros
  const uint64_t offset = record.payload_offset % kReadableBytes;
  if (record.in_file && offset < file.size()) {
    const std::span<const std::byte> rest = file.subspan(offset);
    std::copy_n(rest.begin(), std::min(rest.size(), payload.size()), payload.begin());
  }
  if (mil::is_packed(element)) payload = mil::unpack(element, payload, count);
  return mil::Literal::bytes(type, std::move(payload));
}

}  // namespace

Status load_engine_weights(mil::Program& program, mil::WeightFiles& files, const ane::ChipProfile& profile) {
  MW_TRY(check_files_are_there(program, files, profile));
  if (profile.rules.blob_validation.value_or(ane::BlobValidation::strict) == ane::BlobValidation::lenient) {
    return mil::load_blobs(program, [&files](const mil::BlobReference& reference, const mil::Type& type) {
      return read_blindly(files, reference, type);
    });
  }
  Status status = mil::load_blobs(program, files);
  if (!status) return tl::unexpected(with_context(std::move(status.error()), "InvalidMILProgram"));
  return {};
}

}  // namespace millwright::device
