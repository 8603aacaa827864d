// Any bytes as run.toml: refused with one line, or settings that survive being written and read.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "train/config_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  train::TrainConfig config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const Status status = train::parse_config(text, "input", config); !status) {
    const std::string& message = status.error().message;
    MW_CHECK(!message.empty() && message.find('\n') == std::string::npos, "message \"{}\"", message);
    MW_CHECK(config == train::TrainConfig{}, "a refused file changed the settings");
    return 0;
  }
  train::TrainConfig back;
  const Status status = train::parse_config(train::config_text(config), "written", back);
  MW_CHECK(status.has_value(), "{}", status.error().message);
  MW_CHECK(back == config, "the written settings read differently");
  return 0;
}
