// A process that trains, for the tests that kill it: `train_run start|resume RUN BOOK`. It starts the tiny run of
// tiny_run.h on the text BOOK, or resumes it.
#include <cstdio>
#include <string>

#include "train/tiny_run.h"
#include "train/trainer.h"

int main(int argc, char** argv) {
  using namespace millwright;
  using namespace millwright::train;
  if (argc != 4) return 2;
  const std::string command = argv[1];
  const Path run = argv[2];
  auto config = command == "start" ? Result<TrainConfig>(tiny_run_on(argv[3], run)) : run_config(run);
  if (config && command == "resume") config->out = run.string();
  const RunOptions silent{.output = nullptr};
  const auto summary = !config              ? Result<RunSummary>(tl::unexpected(config.error()))
                       : command == "start" ? start_run(*config, silent)
                                            : resume_run(run, *config, silent);
  if (summary) return summary->interrupted ? 3 : 0;
  std::fprintf(stderr, "%s\n", summary.error().message.c_str());
  return 1;
}
