// run.toml: the settings of a run as a file. The keys are those of the settings table; errors carry file, line, column.
#pragma once

#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"
#include "train/train_config.h"

namespace millwright::train {

inline constexpr const char* kRunConfigFileName = "run.toml";

// Settings that the file does not name keep their value in `config`. An unknown key is an error that names the nearest
// one, if any is near.
Status read_config_file(const Path& path, TrainConfig& config);
Status parse_config(std::string_view text, const std::string& source, TrainConfig& config);

// Every setting, one line each, in the order of the table.
std::string config_text(const TrainConfig& config);
Status write_config_file(const Path& path, const TrainConfig& config);

}  // namespace millwright::train
