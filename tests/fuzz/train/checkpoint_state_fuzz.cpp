// Any bytes as state.json and as provenance.json: refused with one line, or a state that survives being written and
// read.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "train/checkpoint.h"
#include "train/provenance.h"

namespace {

void check_message(const millwright::Error& error) {
  MW_CHECK(!error.message.empty() && error.message.find('\n') == std::string::npos, "message \"{}\"", error.message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto provenance = train::parse_provenance(text, "input"); !provenance) check_message(provenance.error());
  const auto state = train::parse_checkpoint_state(text, "input");
  if (!state) {
    check_message(state.error());
    return 0;
  }
  const std::string written = train::checkpoint_state_text(*state);
  const auto back = train::parse_checkpoint_state(written, "written");
  MW_CHECK(back.has_value(), "{}", back.error().message);
  MW_CHECK(train::checkpoint_state_text(*back) == written, "the written state reads differently");
  return 0;
}
