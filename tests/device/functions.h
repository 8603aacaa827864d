// Small functions for the tests of device, plan and runtime.
#pragma once

#include <memory>
#include <vector>

#include "mil/builder.h"
#include "mil/ir.h"

namespace millwright::device {

inline mil::Type fp32(mil::Shape shape) { return mil::Type::tensor(mil::ElementType::fp32, std::move(shape)); }

// main(x [4], y [4]) → sum = x + y, product = x · y
inline std::unique_ptr<mil::Function> sum_and_product() {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  mil::Value* x = b.input("x", fp32({4}));
  mil::Value* y = b.input("y", fp32({4}));
  function->block().set_results({b.add(x, y, "sum"), b.mul(x, y, "product")});
  return function;
}

// main(x [4], total [4]) → new_total = total + x, stored into total
inline std::unique_ptr<mil::Function> accumulate() {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  mil::Value* x = b.input("x", fp32({4}));
  mil::Value* total = b.input("total", fp32({4}));
  mil::Value* sum = b.add(total, x, "new_total");
  function->block().set_results({sum});
  function->alias(sum, total);
  return function;
}

// main(x [4]), total: state<[4]> → sum = total + x, left in total
inline std::unique_ptr<mil::Function> accumulate_in_state() {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  mil::Value* x = b.input("x", fp32({4}));
  mil::Value* total = b.input("total", mil::Type::state(fp32({4})));
  mil::Value* sum = b.add(b.emit("read_state", {mil::operand("input", total)}), x, "sum");
  b.emit_all("write_state", {mil::operand("data", sum), mil::operand("input", total)});
  function->block().set_results({sum});
  return function;
}

inline mil::Program program_of(std::unique_ptr<mil::Function> function) {
  mil::Program program;
  program.add_function(std::move(function));
  return program;
}

}  // namespace millwright::device
