// Any bytes as a chip profile: refused with one line, or a profile that survives being written and read.
#include <cstdint>
#include <string_view>

#include "ane/profile_text.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  const auto profile = ane::parse_profile({reinterpret_cast<const char*>(data), size}, "input");
  if (!profile) {
    const std::string& message = profile.error().message;
    MW_CHECK(!message.empty() && message.find('\n') == std::string::npos, "message \"{}\"", message);
    return 0;
  }
  const std::string text = ane::profile_json(*profile);
  const auto back = ane::parse_profile(text, "written");
  MW_CHECK(back.has_value(), "{}", back.error().message);
  MW_CHECK(ane::profile_json(*back) == text, "the written profile reads differently");
  return 0;
}
