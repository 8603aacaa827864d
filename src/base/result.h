// Result<T>: how a function that can fail on user input returns. The message is one line that says where, what was
// expected, what was found and what to do. Broken invariants of our own use check.h instead.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace millwright {

// What kind of thing went wrong; the command line maps it to an exit code (docs/cli.md).
enum class ErrorKind {
  invalid_input,  // a file, option or program of the user's is wrong
  io,             // the operating system refused: missing file, no permission, disk full
  numeric,        // training produced NaN or infinity
  interrupted,    // SIGINT or SIGTERM; state was saved
  exhausted,      // a device has no compile budget or memory left
};

struct Error {
  ErrorKind kind = ErrorKind::invalid_input;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

// return fail("{}: expected {} bytes, found {}", path, expected, found);
template <class... Args>
tl::unexpected<Error> fail(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{ErrorKind::invalid_input, fmt::format(format, std::forward<Args>(args)...)});
}
template <class... Args>
tl::unexpected<Error> fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected<Error>(Error{kind, fmt::format(format, std::forward<Args>(args)...)});
}

// The error of a result that has none to give but must be passed on: return forward_error(result);
template <class T>
tl::unexpected<Error> forward_error(Result<T>& result) {
  return tl::unexpected<Error>(std::move(result.error()));
}

// "file: " + message, for a caller that knows more of the place.
inline Error with_context(Error error, const std::string& where) {
  error.message = where + ": " + error.message;
  return error;
}

}  // namespace millwright

#define MW_CONCAT_INNER(a, b) a##b
#define MW_CONCAT(a, b) MW_CONCAT_INNER(a, b)

// MW_TRY(expression): returns the error, or goes on.
#define MW_TRY(expression)                                                                    \
  do {                                                                                        \
    auto mw_status = (expression);                                                            \
    if (!mw_status) return tl::unexpected<::millwright::Error>(std::move(mw_status.error())); \
  } while (false)

// MW_ASSIGN(auto value, expression): returns the error, or moves the value into the declaration.
#define MW_ASSIGN_NAMED(result, declaration, expression)                              \
  auto result = (expression);                                                         \
  if (!result) return tl::unexpected<::millwright::Error>(std::move(result.error())); \
  declaration = std::move(*result)
#define MW_ASSIGN(declaration, expression) MW_ASSIGN_NAMED(MW_CONCAT(mw_result_, __LINE__), declaration, expression)
