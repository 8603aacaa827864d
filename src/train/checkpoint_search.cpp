// Which checkpoints a run has, which is the newest or best complete one, and which may go.
#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/log.h"
#include "model/weights.h"
#include "train/checkpoint.h"
#include "train/checkpoint_names.h"

namespace millwright::train {

namespace {

struct Candidate {
  int64_t update = 0;
  Path path;
};

// Names of the folder RUN/checkpoints; empty where there is none.
Result<std::vector<std::string>> list_names(const Path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) return names;
  std::filesystem::directory_iterator entries(folder, error);
  if (error) return system_error("list the folder", folder, error.value());
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    names.push_back(entries->path().filename().string());
  }
  if (error) return system_error("list the folder", folder, error.value());  // which also ended the loop
  return names;
}

// The newest first.
Result<std::vector<Candidate>> list_candidates(const Path& run) {
  const Path folder = run / kCheckpointsFolderName;
  MW_ASSIGN(const std::vector<std::string> names, list_names(folder));
  std::vector<Candidate> candidates;
  for (const std::string& name : names) {
    if (const auto update = update_of(name)) candidates.push_back({*update, folder / name});
  }
  std::sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.update > b.update; });
  return candidates;
}

CheckpointSearch first_complete(const std::vector<Candidate>& candidates) {
  CheckpointSearch search;
  for (const Candidate& candidate : candidates) {
    auto state = verify_checkpoint(candidate.path);
    if (state) {
      search.found = FoundCheckpoint{candidate.path, std::move(*state)};
      return search;
    }
    search.damaged.push_back(candidate.path);
    search.warnings.push_back(
        fmt::format("{} is damaged and passed over ({})", candidate.path.string(), state.error().message));
  }
  return search;
}

std::optional<double> validation_loss_of(const Candidate& candidate) {
  const auto state = read_checkpoint_state(candidate.path);
  return state ? state->validation_loss : std::nullopt;
}

// The index of the one with the lowest validation loss, of equals the newest.
std::optional<size_t> best_of(const std::vector<Candidate>& candidates) {
  std::optional<size_t> best;
  double best_loss = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const auto loss = validation_loss_of(candidates[i]);
    if (!loss || (best && *loss >= best_loss)) continue;
    best = i;
    best_loss = *loss;
  }
  return best;
}

bool is_model_folder(const Path& path) {
  std::error_code error;
  return std::filesystem::exists(path / model::kConfigFileName, error) &&
         std::filesystem::exists(path / model::kWeightsFileName, error);
}

}  // namespace

std::string checkpoint_name(int64_t update) { return fmt::format("{}{:06}", kCheckpointPrefix, update); }

std::optional<int64_t> update_of(std::string_view name) {
  if (name.substr(0, kCheckpointPrefix.size()) != kCheckpointPrefix) return std::nullopt;
  const std::string_view digits = name.substr(kCheckpointPrefix.size());
  if (digits.size() < 6 || digits.size() > 16) return std::nullopt;
  int64_t update = 0;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9') return std::nullopt;
    update = 10 * update + (digit - '0');
  }
  return update;
}

Status remove_checkpoint(const Path& checkpoint) {
  const Path removing = checkpoint.parent_path() / fmt::format("{}{}", kRemovingPrefix, checkpoint.filename().string());
  std::error_code error;
  std::filesystem::remove_all(removing, error);
  std::filesystem::rename(checkpoint, removing, error);
  if (error) return system_error("remove the checkpoint", checkpoint, error.value());
  std::filesystem::remove_all(removing, error);
  if (error) return system_error("remove the checkpoint", removing, error.value());
  return {};
}

Result<CheckpointSearch> find_latest_checkpoint(const Path& run) {
  MW_ASSIGN(const std::vector<Candidate> candidates, list_candidates(run));
  return first_complete(candidates);
}

Result<CheckpointSearch> find_best_checkpoint(const Path& run) {
  MW_ASSIGN(std::vector<Candidate> candidates, list_candidates(run));
  if (const auto best = best_of(candidates)) {
    std::rotate(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(*best),
                candidates.begin() + static_cast<std::ptrdiff_t>(*best) + 1);
  }
  return first_complete(candidates);
}

Result<Path> resolve_model_folder(const Path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return system_error("open", path, ENOENT);
  if (is_model_folder(path)) return path;
  MW_ASSIGN(const CheckpointSearch search, find_latest_checkpoint(path));
  if (search.found) {
    for (const std::string& warning : search.warnings) log_warning("{}", warning);
    return search.found->path;
  }
  if (!search.warnings.empty()) return fail("{}: no complete checkpoint: {}", path.string(), search.warnings.front());
  return fail("{}: neither a model folder ({} and {}) nor a run with a checkpoint", path.string(),
              model::kConfigFileName, model::kWeightsFileName);
}

Status set_aside(const Path& checkpoint) {
  const Path aside = checkpoint.parent_path() / fmt::format("{}{}", kDamagedPrefix, checkpoint.filename().string());
  std::error_code error;
  std::filesystem::remove_all(aside, error);
  std::filesystem::rename(checkpoint, aside, error);
  if (error) return system_error("set aside the damaged checkpoint", checkpoint, error.value());
  return {};
}

Status prune_checkpoints(const Path& run, int64_t keep_last) {
  const Path folder = run / kCheckpointsFolderName;
  MW_ASSIGN(const std::vector<std::string> names, list_names(folder));
  for (const std::string& name : names) {
    const bool is_leftover = name.starts_with(kWritingPrefix) || name.starts_with(kRemovingPrefix);
    std::error_code error;
    if (is_leftover) std::filesystem::remove_all(folder / name, error);
    if (error) return system_error("remove", folder / name, error.value());
  }
  MW_ASSIGN(const std::vector<Candidate> candidates, list_candidates(run));
  const auto best = best_of(candidates);
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (static_cast<int64_t>(i) < keep_last || (best && i == *best)) continue;
    MW_TRY(remove_checkpoint(candidates[i].path));
  }
  return {};
}

}  // namespace millwright::train
