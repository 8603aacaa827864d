// `millwright mil`: looking at MIL programs of any origin, without training.

#include "commands.h"
#include "mil_commands.h"

namespace millwright::app {

void add_mil(CommandTree& tree) {
  tree.add("mil", "Check, print, explain, convert and run MIL programs",
           "  millwright mil check model.mlpackage\n"
           "  millwright mil stats model.mlmodelc\n"
           "  millwright mil convert model.mlmodelc model.mlpackage\n");
  add_mil_check(tree);
  add_mil_print(tree);
  add_mil_stats(tree);
  add_mil_blob(tree);
  add_mil_convert(tree);
  add_mil_run(tree);
  add_mil_graph(tree);
  add_mil_diff(tree);
}

}  // namespace millwright::app
