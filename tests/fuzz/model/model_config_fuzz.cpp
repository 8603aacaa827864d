// Any bytes as config.json: refused with one line, or a valid configuration that survives being written and read, and
// whose parameters can be counted without overflow.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/llama_config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto config = model::parse_config(text, "input");
  if (!config) {
    const std::string& message = config.error().message;
    MW_CHECK(!message.empty() && message.find('\n') == std::string::npos, "message \"{}\"", message);
    return 0;
  }
  MW_CHECK(model::validate(*config).has_value(), "a configuration that was read is not valid");
  MW_CHECK(model::parameter_count(*config) > 0, "{} parameters", model::parameter_count(*config));
  const auto back = model::parse_config(model::config_text(*config), "written");
  MW_CHECK(back.has_value() && *back == *config, "the written configuration reads differently");
  return 0;
}
