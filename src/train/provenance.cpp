#include "train/provenance.h"

#include "base/json.h"

namespace millwright::train {

namespace {

constexpr size_t kLargestProvenanceFile = size_t{1} << 20;

}  // namespace

std::string provenance_text(const Provenance& p) {
  const Json object = {
      {"version", p.version},
      {"seed", p.seed},
      {"data", {{"hash", p.data_hash}, {"train_tokens", p.train_tokens}, {"validation_tokens", p.validation_tokens}}},
      {"tokenizer", {{"hash", p.tokenizer_hash}, {"tokens", p.tokenizer_size}}},
      {"parameters", p.parameters}};
  return object.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Provenance> parse_provenance(std::string_view text, const std::string& source) {
  MW_ASSIGN(const Json object, parse_json(text, source));
  Provenance p;
  MW_ASSIGN(p.version, json_string(object, "version", source));
  MW_ASSIGN(p.seed, json_integer(object, "seed", source, 0));
  MW_ASSIGN(const Json* data, json_object(object, "data", source));
  MW_ASSIGN(p.data_hash, json_string(*data, "hash", source));
  MW_ASSIGN(p.train_tokens, json_integer(*data, "train_tokens", source, 0));
  MW_ASSIGN(p.validation_tokens, json_integer(*data, "validation_tokens", source, 0));
  MW_ASSIGN(const Json* tokenizer, json_object(object, "tokenizer", source));
  MW_ASSIGN(p.tokenizer_hash, json_string(*tokenizer, "hash", source));
  MW_ASSIGN(p.tokenizer_size, json_integer(*tokenizer, "tokens", source, 0));
  MW_ASSIGN(p.parameters, json_integer(object, "parameters", source, 0));
  return p;
}

Result<Provenance> read_provenance(const Path& run) {
  const Path path = run / kProvenanceFileName;
  MW_ASSIGN(const std::string text, read_text_file(path, kLargestProvenanceFile));
  return parse_provenance(text, path.string());
}

Status write_provenance(const Path& run, const Provenance& provenance) {
  return write_file_atomically(run / kProvenanceFileName, provenance_text(provenance));
}

}  // namespace millwright::train
