#include "mil_run_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "cpu/function_run.h"
#include "mil/flexible_shapes.h"
#include "mil/literal_conversion.h"
#include "mil/random_indices.h"
#include "mil/registry.h"

namespace millwright::app {
namespace {

using Shapes = std::map<std::string, mil::Shape>;

Result<mil::Shape> parse_shape(const std::string& word, std::string_view sizes) {
  mil::Shape shape;
  for (const char *at = sizes.data(), *const end = at + sizes.size(); at <= end; ++at) {
    int32_t size = 0;
    const auto [next, error] = std::from_chars(at, end, size);
    if (error != std::errc() || size < 0 || (next != end && *next != ',')) {
      return fail("--shape: expected NAME=SIZE,SIZE,... such as x=1,3,224,224, found \"{}\"", word);
    }
    shape.push_back(size);
    at = next;
  }
  return shape;
}

Result<Shapes> parse_shapes(const mil::Function& function, const std::vector<std::string>& words) {
  Shapes shapes;
  for (const std::string& word : words) {
    const size_t cut = std::min(word.find('='), word.size());
    const std::string name = word.substr(0, cut);
    MW_ASSIGN(mil::Shape shape, parse_shape(word, std::string_view(word).substr(std::min(cut + 1, word.size()))));
    if (function.input(name) == nullptr) {
      std::vector<std::string> names;
      for (const auto& input : function.inputs()) names.push_back(input->name());
      return fail("--shape: the function has no {}; it has {}", name, fmt::join(names, ", "));
    }
    if (!shapes.emplace(name, std::move(shape)).second) return fail("--shape: {} is given twice", name);
  }
  return shapes;
}

// The declared type with this shape, which `origin` gave.
Result<mil::Type> shaped(const mil::Function& function, const mil::Value& input, const mil::Shape& shape,
                         std::string_view origin) {
  const mil::Type type = cpu::memory_type(input.type()).with_shape(shape);
  if (!mil::types_agree(cpu::memory_type(input.type()), type)) {
    return fail("input {}: expected {}, found the shape {} of {}", input.name(), mil::type_text(input.type()),
                mil::shape_text(shape), origin);
  }
  if (Status allowed = mil::check_shape(mil::flexible_shape(function, input.name()), shape); !allowed) {
    return tl::unexpected(with_context(std::move(allowed.error()), fmt::format("input {}: {}", input.name(), origin)));
  }
  return cpu::is_state(input.type()) ? mil::Type::state(type) : type;
}

Result<mil::Type> concrete_type(const mil::Function& function, const mil::Value& input, const Arrays& arrays,
                                const Shapes& shapes) {
  const mil::Type& declared = cpu::memory_type(input.type());
  if (!declared.is_tensor()) return input.type();
  const auto array = arrays.find(input.name());
  const auto given = shapes.find(input.name());
  if (array != arrays.end()) {
    const mil::Shape& shape = array->second.type().shape();
    if (given != shapes.end() && given->second != shape) {
      return fail("input {}: --shape says {}, but the array of --input has {}; leave one out", input.name(),
                  mil::shape_text(given->second), mil::shape_text(shape));
    }
    return shaped(function, input, shape, "its array");
  }
  if (given != shapes.end()) return shaped(function, input, given->second, "--shape");
  if (mil::is_static(declared.shape())) return input.type();
  const mil::Shape shape = mil::flexible_shape(function, input.name()).default_shape;
  if (shape.empty()) {
    return fail(
        "input {}: {} leaves sizes open, and the program has no default for them; say --shape {}=SIZE,... or "
        "--input {}=FILE",
        input.name(), mil::type_text(input.type()), input.name(), input.name());
  }
  return shaped(function, input, shape, "the program's DefaultShapes");
}

}  // namespace

Result<std::vector<mil::Type>> input_types(const mil::Function& function, const Arrays& arrays,
                                           const std::vector<std::string>& shapes) {
  MW_ASSIGN(const Shapes given, parse_shapes(function, shapes));
  std::vector<mil::Type> types;
  for (const auto& input : function.inputs()) {
    MW_ASSIGN(mil::Type type, concrete_type(function, *input, arrays, given));
    types.push_back(std::move(type));
  }
  return types;
}

Result<mil::Literal> converted_array(const mil::Value& input, const mil::Literal& array) {
  const mil::Type& declared = cpu::memory_type(input.type());
  if (!declared.is_tensor() || declared.element() == mil::ElementType::string) {
    return fail("input {}: expected {}, found an array of {}", input.name(), mil::type_text(input.type()),
                mil::type_text(array.type()));
  }
  if (array.type().element() == declared.element()) return array;
  Result<mil::ConvertedLiteral> converted = mil::convert(array, declared.element());
  if (!converted) return tl::unexpected(with_context(std::move(converted.error()), "input " + input.name()));
  log_info("input {}: {} from {} to {}", input.name(), converted->is_rounded ? "rounded" : "converted",
           mil::element_name(array.type().element()), mil::element_name(declared.element()));
  return std::move(converted->literal);
}

Result<mil::Literal> random_array(const mil::Value& input, int64_t seed, size_t stream) {
  Result<mil::Literal> random = cpu::is_state(input.type())
                                    ? cpu::initial_state(input.type())
                                    : cpu::random_input(input.type(), static_cast<uint64_t>(seed), stream);
  if (!random) return tl::unexpected(with_context(std::move(random.error()), "input " + input.name()));
  if (const std::optional<mil::Literal> bounds = mil::region_bounds(input)) return *bounds;
  const std::optional<int64_t> bound = mil::index_bound(input);
  if (!bound || cpu::is_state(input.type())) return random;
  return mil::random_indices(input.type(), *bound, static_cast<uint64_t>(seed), stream);
}

}  // namespace millwright::app
