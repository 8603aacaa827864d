// How the folders under RUN/checkpoints are named, and how one disappears. Internal to the checkpoint files.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace millwright::train {

inline constexpr std::string_view kCheckpointPrefix = "update-";
inline constexpr std::string_view kWritingPrefix = ".writing-";    // not yet complete
inline constexpr std::string_view kRemovingPrefix = ".removing-";  // no longer complete
inline constexpr std::string_view kDamagedPrefix = "damaged-";

std::string checkpoint_name(int64_t update);  // "update-000123"
std::optional<int64_t> update_of(std::string_view name);

// Renamed before it is emptied, so that a killed process leaves no half-removed checkpoint under a checkpoint's name.
Status remove_checkpoint(const Path& checkpoint);

}  // namespace millwright::train
