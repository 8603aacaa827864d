// MW_CHECK: a broken invariant of our own stops the program with the values. Never for user input (result.h).
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace millwright {

[[noreturn]] inline void check_failed(const char* file, int line, const char* condition, const std::string& message) {
  std::fprintf(stderr,
               "millwright: internal error at %s:%d: %s is false: %s\nThis is a bug in Millwright; please report it.\n",
               file, line, condition, message.c_str());
  std::abort();
}

}  // namespace millwright

// MW_CHECK(rank <= 5, "rank {}", rank)
#define MW_CHECK(condition, ...)                                                                            \
  do {                                                                                                      \
    if (!(condition)) ::millwright::check_failed(__FILE__, __LINE__, #condition, fmt::format(__VA_ARGS__)); \
  } while (false)
