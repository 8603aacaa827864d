// provenance.json: what a run was made from. Written once everything that precedes update 1 is done, so its presence
// says that the run folder is prepared.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace millwright::train {

inline constexpr const char* kProvenanceFileName = "provenance.json";

struct Provenance {
  std::string version;  // of Millwright
  int64_t seed = 0;
  std::string data_hash;
  int64_t train_tokens = 0;
  int64_t validation_tokens = 0;
  std::string tokenizer_hash;
  int64_t tokenizer_size = 0;  // tokens
  int64_t parameters = 0;      // weights of the model
};

std::string provenance_text(const Provenance& provenance);
Result<Provenance> parse_provenance(std::string_view json, const std::string& source);
Result<Provenance> read_provenance(const Path& run);
Status write_provenance(const Path& run, const Provenance& provenance);

}  // namespace millwright::train
