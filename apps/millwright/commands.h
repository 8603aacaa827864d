// Every subcommand, one file each.
#pragma once

#include "command_tree.h"

namespace millwright::app {

void add_tokenize(CommandTree& tree);
void add_train(CommandTree& tree);
void add_eval(CommandTree& tree);
void add_generate(CommandTree& tree);
void add_info(CommandTree& tree);
void add_devices(CommandTree& tree);
void add_probe(CommandTree& tree);
void add_plan(CommandTree& tree);
void add_simulate(CommandTree& tree);
void add_mil(CommandTree& tree);
// Reads the finished tree when it runs.
void add_completion(CommandTree& tree);

}  // namespace millwright::app
