#include "mil/diagnostic.h"

#include "base/check.h"

namespace millwright::mil {

std::string diagnostic_text(const Diagnostic& diagnostic, std::string_view source_name) {
  if (diagnostic.line == 0) {
    return source_name.empty() ? diagnostic.message : fmt::format("{}: {}", source_name, diagnostic.message);
  }
  return fmt::format("{}{}{}:{}: {}", source_name, source_name.empty() ? "" : ":", diagnostic.line, diagnostic.column,
                     diagnostic.message);
}

tl::unexpected<Error> fail_with(const std::vector<Diagnostic>& diagnostics, std::string_view source_name) {
  MW_CHECK(!diagnostics.empty(), "a failure of {} without a diagnostic", source_name);
  const std::string first = diagnostic_text(diagnostics.front(), source_name);
  const size_t more = diagnostics.size() - 1;
  if (more == 0) return fail("{}", first);
  return fail("{} (and {} more error{})", first, more, more == 1 ? "" : "s");
}

}  // namespace millwright::mil
