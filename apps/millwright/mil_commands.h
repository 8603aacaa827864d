// The commands below `millwright mil`, one file each.
#pragma once

#include "command_tree.h"

namespace millwright::app {

void add_mil_check(CommandTree& tree);
void add_mil_print(CommandTree& tree);
void add_mil_stats(CommandTree& tree);
void add_mil_blob(CommandTree& tree);
void add_mil_convert(CommandTree& tree);
void add_mil_run(CommandTree& tree);
void add_mil_graph(CommandTree& tree);
void add_mil_diff(CommandTree& tree);

}  // namespace millwright::app
