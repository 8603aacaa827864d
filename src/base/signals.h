// Ctrl-C and SIGTERM as a flag that long loops look at between steps, so that they can save and stop.
#pragma once

namespace millwright {

// The first SIGINT or SIGTERM sets the flag; the next signal of that kind acts as by default and ends the process.
void install_interrupt_handler();

// True once a signal came. Any thread may ask.
bool interrupted();

// Forgets the signal, for a process that goes on after handling it. Install the handler again to catch the next one.
void clear_interrupt();

}  // namespace millwright
