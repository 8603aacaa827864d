// Examples of recurrent layers: every direction, activation and optional operand.
#include "operation_examples.h"

namespace millwright::cpu {
namespace {

mil::Operand activation(TestFunction& f, std::string_view name) {
  constexpr const char* kFunctions[] = {"sigmoid", "tanh", "relu", "linear", "sigmoid_hard"};
  return text(f, name, kFunctions[f.below(5)]);
}

void add_weights(TestFunction& f, std::vector<mil::Operand>& operands, const std::string& kind,
                 const std::string& suffix, int64_t inputs, int64_t hidden) {
  const int64_t gates = (kind == "lstm" ? 4 : kind == "gru" ? 3 : 1) * hidden;
  operands.push_back(mil::operand("weight_ih" + suffix, viewed(f, {gates, inputs})));
  operands.push_back(mil::operand("weight_hh" + suffix, viewed(f, {gates, hidden})));
  if (f.below(2) == 0) operands.push_back(mil::operand("bias" + suffix, f.floats({gates})));
  if (kind == "gru" && f.below(2) == 0) operands.push_back(mil::operand("input_bias", f.floats({gates})));
  if (kind == "lstm" && f.below(2) == 0) operands.push_back(mil::operand("peephole" + suffix, f.floats({3 * hidden})));
}

mil::Value* layer(TestFunction& f, const std::string& kind, const std::string& direction) {
  const int64_t steps = f.size(4), batch = f.size(3), inputs = f.size(4), hidden = f.size(5);
  const bool both = direction == "bidirectional";
  const mil::Shape state = {batch, both ? 2 * hidden : hidden};
  std::vector<mil::Operand> operands = {mil::operand("x", viewed(f, {steps, batch, inputs})),
                                        mil::operand("initial_h", viewed(f, state)), text(f, "direction", direction),
                                        flag(f, "output_sequence", f.below(2) == 0), activation(f, "activation")};
  add_weights(f, operands, kind, "", inputs, hidden);
  if (both) add_weights(f, operands, kind, "_back", inputs, hidden);
  if (kind != "rnn") operands.push_back(activation(f, "recurrent_activation"));
  if (kind == "gru") operands.push_back(flag(f, "reset_after", f.below(2) == 0));
  if (kind != "lstm") return f.b().emit_all(kind, std::move(operands))[static_cast<size_t>(f.below(2))];
  operands.push_back(mil::operand("initial_c", viewed(f, state)));
  operands.push_back(activation(f, "cell_activation"));
  if (f.below(2) == 0) operands.push_back(mil::operand("clip", f.b().scalar(mil::ElementType::fp32, 0.4)));
  return f.b().emit_all(kind, std::move(operands))[static_cast<size_t>(f.below(3))];
}

}  // namespace

std::vector<Example> recurrent_examples() {
  std::vector<Example> all;
  for (const std::string kind : {"rnn", "gru", "lstm"}) {
    for (const std::string direction : {"forward", "reverse", "bidirectional"}) {
      if (direction == "bidirectional" && kind != "lstm") continue;
      all.push_back({kind + " " + direction, [=](TestFunction& f) { return layer(f, kind, direction); }});
    }
  }
  return all;
}

}  // namespace millwright::cpu
