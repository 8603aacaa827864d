// Any bytes as metrics.jsonl: a history of what could be read, from which a curve can be drawn.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "fuzz/text/fuzz_file.h"
#include "train/metrics.h"
#include "train/report.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  static const FuzzFolder folder;
  const Path path = folder.write("metrics.jsonl", {reinterpret_cast<const char*>(data), size});
  const auto history = train::read_metrics(path, 1 << 20);
  MW_CHECK(history.has_value(), "{}", history.error().message);
  MW_CHECK(!train::loss_curve_svg(*history).empty(), "no curve");
  return 0;
}
