#include <algorithm>
#include <optional>

#include "mil/container/feature_decoder.h"
#include "mil/container/mil_version.h"
#include "mil/container/model_message.h"
#include "mil/container/program_message.h"
#include "mil/container/wire.h"

namespace millwright::mil {
namespace {

using namespace wire;  // the field numbers; this file is about nothing else

// Whether text may stand in program(…).
bool is_version(std::string_view text) {
  return !text.empty() && text.size() <= 16 && text.find_first_not_of("0123456789.") == std::string_view::npos &&
         std::ranges::count(text, '.') <= 1 && text.front() != '.' && text.back() != '.';
}

std::optional<std::string> version_in_entry(View bytes) {
  std::string_view key;
  std::string_view mapped;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(map_entry::kKey):
        key = text(reader.get_view());
        break;
      case delimited(map_entry::kValue):
        mapped = text(reader.get_view());
        break;
      default:
        reader.skip();
    }
  }
  if (key != kMilVersionKey || !is_version(mapped)) return std::nullopt;
  return std::string(mapped);
}

std::optional<std::string> version_in_metadata(View bytes) {
  std::optional<std::string> version;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag_and_type() != delimited(metadata::kUserDefined)) {
      reader.skip();
    } else if (auto found = version_in_entry(reader.get_view())) {
      version = std::move(found);
    }
  }
  return version;
}

std::optional<std::string> version_in_description(View bytes) {
  std::optional<std::string> version;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    if (reader.tag_and_type() == delimited(description::kMetadata)) {
      version = version_in_metadata(reader.get_view());
    } else {
      reader.skip();
    }
  }
  return version;
}

}  // namespace

Result<Program> decode_model(std::string_view bytes, const std::string& source) {
  constexpr size_t kMostBytes = (size_t{1} << 31) - 1;
  if (bytes.size() > kMostBytes) {
    return fail("{}: expected a protobuf message of less than 2 GiB, found {} bytes", source, bytes.size());
  }
  std::optional<std::string_view> program;
  std::optional<std::string> version;
  std::vector<FunctionFeatures> features;
  uint32_t other = 0;
  try {
    protozero::pbf_reader reader(bytes.data(), bytes.size());
    while (reader.next()) {
      const uint32_t field = reader.tag();
      if (reader.tag_and_type() == delimited(model::kMlProgram)) {
        program = text(reader.get_view());
      } else if (reader.tag_and_type() == delimited(model::kDescription)) {
        const View description = reader.get_view();
        if (auto found = version_in_description(description)) version = std::move(found);
        features = decode_features(description);
      } else {
        if (field >= model::kFirstType) other = field;
        reader.skip();
      }
    }
  } catch (const protozero::exception& exception) {
    return fail("{}: expected a whole protobuf message, found one that is cut short or damaged ({})", source,
                exception.what());
  }
  if (!program && other != 0) {
    return fail("{}: expected an ML program (field {}), found a model of another kind (field {})", source,
                static_cast<uint32_t>(model::kMlProgram), other);
  }
  if (!program) return fail("{}: expected a Core ML model with an ML program, found none", source);
  MW_ASSIGN(Program decoded, decode_program(*program, source, version.value_or("1.3")));
  // A model of our own has the attribute in its program, or had none.
  if (!version) add_flexible_shapes(decoded, features);
  return decoded;
}

}  // namespace millwright::mil
