// `millwright mil blob`: the records of weight files.

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "commands.h"
#include "mil/blob/blob_file.h"
#include "mil/npy_file.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

struct BlobCommand {
  std::string path;
  std::string out;
  int64_t offset = 0;
  bool raw = false;
  bool json = false;
};
using Options = std::shared_ptr<BlobCommand>;

// A weight file and, where it came from standard input, its bytes.
struct Opened {
  std::unique_ptr<std::string> bytes;
  mil::BlobFile file;
};

Result<Opened> open_blob(const std::string& path) {
  if (path != kStandardInputPath) {
    MW_ASSIGN(mil::BlobFile file, mil::BlobFile::open(path));
    return Opened{nullptr, std::move(file)};
  }
  MW_ASSIGN(std::string read, read_standard_input());
  auto bytes = std::make_unique<std::string>(std::move(read));
  MW_ASSIGN(mil::BlobFile file, mil::BlobFile::view(as_bytes(*bytes), kStandardInput));
  return Opened{std::move(bytes), std::move(file)};
}

Json json_of(const mil::BlobRecord& record) {
  return {{"offset", record.offset},
          {"type", mil::element_name(record.element)},
          {"count", record.count},
          {"bytes", record.size_bytes},
          {"data_offset", record.data_offset}};
}

Status run_list(const BlobCommand& options) {
  MW_ASSIGN(const Opened opened, open_blob(options.path));
  MW_ASSIGN(const std::vector<mil::BlobRecord> records, opened.file.records());
  if (options.json) {
    Json list = Json::array();
    for (const mil::BlobRecord& record : records) list.push_back(json_of(record));
    print_json({{"file", opened.file.name()}, {"size", opened.file.size()}, {"records", std::move(list)}});
    return {};
  }
  std::string lines = fmt::format("{:>12}  {:<8}  {:>12}  {:>12}\n", "offset", "type", "count", "bytes");
  for (const mil::BlobRecord& record : records) {
    lines += fmt::format("{:>12}  {:<8}  {:>12}  {:>12}\n", record.offset, mil::element_name(record.element),
                         record.count, record.size_bytes);
  }
  print(lines);
  return {};
}

Status run_extract(const BlobCommand& options) {
  MW_ASSIGN(const Opened opened, open_blob(options.path));
  MW_ASSIGN(const mil::BlobRecord record, opened.file.record(static_cast<uint64_t>(options.offset)));
  if (options.raw) {
    MW_TRY(write_file_atomically(options.out, opened.file.payload(record)));
  } else {
    const mil::Type type = mil::Type::tensor(record.element, {static_cast<int64_t>(record.count)});
    MW_ASSIGN(const mil::Literal tensor, opened.file.load(record.offset, type));
    Result<std::string> encoded = mil::encode_npy(tensor);
    if (!encoded) return fail("{}; --raw writes the bytes as they stand", encoded.error().message);
    MW_TRY(write_file_atomically(options.out, *encoded));
  }
  Json facts = {{"written", options.out}};
  facts.update(json_of(record));
  options.json ? print_json(facts) : print_facts(facts);
  return {};
}

Status run_verify(const BlobCommand& options) {
  MW_ASSIGN(const Opened opened, open_blob(options.path));
  MW_ASSIGN(const std::vector<mil::BlobRecord> records, opened.file.records());
  uint64_t payload = 0;
  for (const mil::BlobRecord& record : records) payload += record.size_bytes;
  const Json facts = {{"file", opened.file.name()},
                      {"size", opened.file.size()},
                      {"records", records.size()},
                      {"declared_records", opened.file.declared_count()},
                      {"payload_bytes", payload}};
  options.json ? print_json(facts) : print_facts(facts);
  return {};
}

Command& add(CommandTree& tree, const Options& options, const std::string& words, const std::string& summary,
             const std::string& examples) {
  Command& command = tree.add(words, summary, examples);
  command.text("BLOB", options->path, "PATH", "A weight file (weights/weight.bin); -: standard input").required = true;
  command.flag("--json", options->json, "Print JSON");
  return command;
}

void add_list(CommandTree& tree, const Options& options) {
  Command& command = add(tree, options, "mil blob list", "List the records of a weight file",
                         "  millwright mil blob list model.mlmodelc/weights/weight.bin\n"
                         "  millwright mil blob list --json - < weight.bin\n");
  command.on_run([options] { return run_list(*options); });
}

void add_extract(CommandTree& tree, const Options& options) {
  Command& command = add(tree, options, "mil blob extract", "Write one record as .npy or as it stands",
                         "  millwright mil blob extract weight.bin --offset 64 --out kernel.npy\n"
                         "  millwright mil blob extract weight.bin --offset 64 --raw --out kernel.bin\n");
  command.integer("--offset", options->offset, "Where the record stands, as BLOBFILE and blob list say", 0).required =
      true;
  command.text("--out", options->out, "FILE", "File to write").required = true;
  command.flag("--raw", options->raw, "The bytes as they stand, elements below a byte packed, without a header");
  command.on_run([options] { return run_extract(*options); });
}

void add_verify(CommandTree& tree, const Options& options) {
  Command& command = add(tree, options, "mil blob verify", "Check header, records and sizes of a weight file",
                         "  millwright mil blob verify model.mlmodelc/weights/weight.bin\n"
                         "  millwright mil blob verify --json weight.bin\n");
  command.on_run([options] { return run_verify(*options); });
}

}  // namespace

void add_mil_blob(CommandTree& tree) {
  tree.add("mil blob", "List, extract and verify weight files",
           "  millwright mil blob list weight.bin\n"
           "  millwright mil blob extract weight.bin --offset 64 --out kernel.npy\n");
  add_list(tree, std::make_shared<BlobCommand>());
  add_extract(tree, std::make_shared<BlobCommand>());
  add_verify(tree, std::make_shared<BlobCommand>());
}

}  // namespace millwright::app
