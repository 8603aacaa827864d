#include "cpu/function_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/memory_usage.h"
#include "base/random.h"

namespace millwright::cpu {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

Status check_inputs(const mil::Function& function, std::span<const mil::Literal> inputs) {
  MW_CHECK(inputs.size() == function.inputs().size(), "{} inputs for {}", inputs.size(), function.inputs().size());
  for (size_t i = 0; i < inputs.size(); ++i) {
    const mil::Value& declared = *function.inputs()[i];
    const mil::Type& type = memory_type(declared.type());
    if (inputs[i].type() == type) continue;
    return fail("input {}: expected {}, found {}", declared.name(), mil::type_text(type),
                mil::type_text(inputs[i].type()));
  }
  return {};
}

// Zero bytes have no address of their own; the executor wants one for every value.
Result<AlignedBuffer> buffer_for(const mil::Type& type) {
  return AlignedBuffer::allocate(static_cast<size_t>(std::max<int64_t>(type.bytes(), 1)));
}

mil::Literal tensor_at(const mil::Type& type, const void* data) {
  const auto* bytes = static_cast<const std::byte*>(data);
  return mil::Literal::bytes(type, {bytes, bytes + type.bytes()});
}

// The bytes of a tensor of numbers in memory, or an error that begins with `purpose`.
Result<int64_t> number_bytes(const mil::Type& type, std::string_view purpose) {
  if (!type.is_tensor() || type.element() == mil::ElementType::string || !mil::is_static(type.shape())) {
    return fail("{} a {}; expected a tensor of numbers whose sizes are known", purpose, mil::type_text(type));
  }
  const size_t width = mil::element_bytes(type.element());
  const auto count = static_cast<size_t>(type.count());
  if (count > std::numeric_limits<size_t>::max() / 2 / width) return fail("a {} is too large", mil::type_text(type));
  return type.bytes();
}

double relative(double found, double expected) {
  if (found == expected || (std::isnan(found) && std::isnan(expected))) return 0;
  const double difference = std::abs(found - expected) / std::max(1.0, std::abs(expected));
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

}  // namespace

Status check_memory(const mil::Function& function) {
  const size_t machine = machine_memory_bytes();
  if (machine == 0) return {};
  double bytes = 0;
  const auto add = [&](const mil::Type& type, double copies) {
    if (!type.is_tensor() || !mil::is_static(type.shape()) || type.element() == mil::ElementType::string) return;
    // Multiplied as fp64: a product of sizes may be beyond every integer.
    double elements = copies;
    for (const int64_t size : type.shape()) elements *= static_cast<double>(size);
    bytes += elements * static_cast<double>(mil::element_bytes(type.element()));
  };
  for (const auto& input : function.inputs()) add(memory_type(input->type()), 2);
  for (const mil::Value* result : function.results()) {
    add(result->type(), function.aliased_input(result) != nullptr ? 1 : 2);
  }
  if (bytes <= static_cast<double>(machine)) return {};
  return fail("{}: its inputs and results take {:.1f} GB, more than the {:.1f} GB of this machine", function.name(),
              bytes / 1e9, static_cast<double>(machine) / 1e9);
}

Result<FunctionRun> run_function(const mil::Function& function, std::span<const mil::Literal> inputs, int64_t runs) {
  MW_CHECK(runs > 0, "{} runs", runs);
  FunctionRun report;
  const Clock::time_point begin = Clock::now();
  MW_ASSIGN(const std::unique_ptr<CompiledFunction> compiled, CompiledFunction::compile(function, {}));
  report.compile_seconds = seconds_since(begin);
  MW_TRY(check_inputs(function, inputs));

  std::vector<AlignedBuffer> buffers;
  std::vector<void*> input_pointers;
  for (const auto& input : function.inputs()) {
    MW_ASSIGN(AlignedBuffer buffer, buffer_for(memory_type(input->type())));
    input_pointers.push_back(buffer.data());
    buffers.push_back(std::move(buffer));
  }
  std::vector<void*> result_pointers;
  for (size_t i = 0; i < function.results().size(); ++i) {
    const mil::Value* aliased = function.aliased_input(function.results()[i]);
    const auto input = std::ranges::find(function.inputs(), aliased, [](const auto& one) { return one.get(); });
    if (aliased != nullptr && input != function.inputs().end()) {
      result_pointers.push_back(input_pointers[static_cast<size_t>(input - function.inputs().begin())]);
      continue;
    }
    MW_ASSIGN(AlignedBuffer buffer, buffer_for(compiled->result_types()[i]));
    result_pointers.push_back(buffer.data());
    buffers.push_back(std::move(buffer));
  }

  for (int64_t run = 0; run < runs; ++run) {
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::span<const std::byte> elements = inputs[i].elements();
      if (!elements.empty()) std::memcpy(input_pointers[i], elements.data(), elements.size());
    }
    const Clock::time_point start = Clock::now();
    MW_TRY(compiled->run(input_pointers, result_pointers));
    report.run_seconds.push_back(seconds_since(start));
  }
  for (size_t i = 0; i < function.results().size(); ++i) {
    report.results.push_back(tensor_at(compiled->result_types()[i], result_pointers[i]));
  }
  for (size_t i = 0; i < function.inputs().size(); ++i) {
    const mil::Type& type = function.inputs()[i]->type();
    if (is_state(type)) report.states.push_back(tensor_at(memory_type(type), input_pointers[i]));
  }
  report.memory = compiled->memory();
  return report;
}

Result<mil::Literal> initial_state(const mil::Type& type) {
  MW_ASSIGN(const int64_t bytes, number_bytes(memory_type(type), "there are no zeros for"));
  return mil::Literal::bytes(memory_type(type), std::vector<std::byte>(static_cast<size_t>(bytes)));
}

Result<mil::Literal> random_input(const mil::Type& type, uint64_t seed, uint64_t stream) {
  MW_ASSIGN(const int64_t bytes, number_bytes(type, "there are no random numbers for"));
  const size_t width = mil::element_bytes(type.element());
  std::vector<std::byte> elements(static_cast<size_t>(bytes));
  RandomStream random(seed, stream);
  for (size_t i = 0; i < elements.size() / width; ++i) {
    if (mil::is_floating(type.element())) {
      mil::store_number(type.element(), random.normal(), &elements[i * width]);
    } else {
      mil::store_integer(type.element(), static_cast<int64_t>(random.next_u32() >> 31), &elements[i * width]);
    }
  }
  return mil::Literal::bytes(type, std::move(elements));
}

Result<Deviation> deviation(const mil::Literal& found, const mil::Literal& expected) {
  if (!found.has_elements() || !expected.has_elements() || found.type().shape() != expected.type().shape()) {
    return fail("found {}, expected {}", mil::type_text(found.type()), mil::type_text(expected.type()));
  }
  Deviation most;
  for (int64_t i = 0; i < found.type().count(); ++i) {
    const double a = found.number_at(i);
    const double b = expected.number_at(i);
    const double distance = relative(a, b);
    if (i == 0 || distance > most.largest) most = {distance, i, a, b};
  }
  return most;
}

}  // namespace millwright::cpu
