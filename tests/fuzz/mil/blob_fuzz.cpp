// Weight files from anyone: the list of records and every record load as what they say they are, or are refused.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/check.h"
#include "mil/blob/blob_file.h"
#include "mil/blob/blob_format.h"

namespace millwright::mil {
namespace {

void check_record(const BlobFile& file, const BlobRecord& record) {
  const Type type = Type::tensor(record.element, {static_cast<int64_t>(record.count)});
  const auto literal = file.load(record.offset, type);
  MW_CHECK(literal.has_value(), "{}", literal.error().message);
  MW_CHECK(literal->elements().size() == static_cast<size_t>(type.bytes()), "{} bytes", literal->elements().size());
  if (!is_packed(record.element)) return;
  const auto packed = pack(record.element, literal->elements());
  MW_CHECK(packed.size() == record.size_bytes, "{} bytes packed to {}", record.size_bytes, packed.size());
}

}  // namespace
}  // namespace millwright::mil

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright::mil;
  const auto file = BlobFile::view(std::as_bytes(std::span(data, size)), "fuzz");
  if (!file) return 0;
  if (const auto records = file->records()) {
    for (const BlobRecord& record : *records) check_record(*file, record);
  }
  for (uint64_t offset = 0; offset <= size; offset += kBlobAlignment) {
    if (const auto record = file->record(offset)) check_record(*file, *record);
  }
  return 0;
}
