// Whether a standard stream is a terminal, and how wide it is: progress lines overwrite themselves only on a terminal.
#pragma once

namespace millwright {

bool stdout_is_terminal();
bool stderr_is_terminal();

// Columns of the terminal on stderr, else on stdout, else the variable COLUMNS, else 80.
int terminal_width();

}  // namespace millwright
