// Runs a MIL function on plain vectors of numbers, through the reference interpreter or the CPU's executor.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <stdexcept>
#include <vector>

#include "base/aligned_buffer.h"
#include "cpu/executor.h"
#include "mil/interpreter/interpreter.h"
#include "model/llama_parameters.h"

namespace millwright::model {

// One vector per input or result, in their order; integers are exact.
using Numbers = std::vector<double>;
using Tensors = std::vector<Numbers>;
using RunFunction = std::function<Tensors(const mil::Function& function, const Tensors& inputs)>;

// In double precision whatever types the function declares. A failure throws, which fails the test with its message.
inline Tensors interpret(const mil::Function& function, const Tensors& inputs) {
  std::vector<mil::TensorValue> values;
  for (size_t i = 0; i < inputs.size(); ++i) values.push_back({function.inputs().at(i)->type(), inputs[i]});
  auto results = mil::interpret(function, values, mil::Precision::fp64);
  if (!results) throw std::runtime_error(results.error().message);
  Tensors numbers;
  for (mil::TensorValue& result : *results) numbers.push_back(std::move(result.numbers));
  return numbers;
}

inline Tensors execute(const mil::Function& function, const Tensors& inputs) {
  auto compiled = cpu::CompiledFunction::compile(function, {});
  if (!compiled) throw std::runtime_error(compiled.error().message);

  std::vector<AlignedBuffer> buffers;
  std::vector<void*> input_pointers, result_pointers;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const mil::Type& type = function.inputs().at(i)->type();
    std::byte* data = buffers.emplace_back(static_cast<size_t>(type.bytes())).data();
    const size_t width = mil::element_bytes(type.element());
    for (size_t j = 0; j < inputs[i].size(); ++j) {
      if (mil::is_floating(type.element()))
        mil::store_number(type.element(), inputs[i][j], data + j * width);
      else
        mil::store_integer(type.element(), static_cast<int64_t>(inputs[i][j]), data + j * width);
    }
    input_pointers.push_back(data);
  }
  for (const mil::Value* result : function.results()) {
    const mil::Value* aliased = function.aliased_input(result);
    size_t index = 0;
    while (aliased != nullptr && function.inputs()[index].get() != aliased) ++index;
    result_pointers.push_back(aliased != nullptr
                                  ? input_pointers[index]
                                  : buffers.emplace_back(static_cast<size_t>(result->type().bytes())).data());
  }
  if (Status status = (*compiled)->run(input_pointers, result_pointers); !status) {
    throw std::runtime_error(status.error().message);
  }
  Tensors numbers;
  for (size_t i = 0; i < result_pointers.size(); ++i) {
    const mil::Type& type = function.results()[i]->type();
    const size_t width = mil::element_bytes(type.element());
    Numbers& values = numbers.emplace_back(static_cast<size_t>(type.count()));
    for (size_t j = 0; j < values.size(); ++j) {
      values[j] = mil::load_number(type.element(), static_cast<const std::byte*>(result_pointers[i]) + j * width);
    }
  }
  return numbers;
}

}  // namespace millwright::model
