// Loss, logits and every gradient against PyTorch's (tests/golden), through the interpreter and through the executor.
#include "golden/golden_file.h"

#include "model/llama.h"
#include "model/run_function.h"

namespace millwright::model {
namespace {

struct Way {
  const char* name;
  Tensors (*run)(const mil::Function& function, const Tensors& inputs);
};
void PrintTo(const Way& way, std::ostream* stream) { *stream << way.name; }

class Golden : public testing::TestWithParam<std::tuple<Way, const char*>> {
 protected:
  std::string name() const { return std::get<1>(GetParam()); }
  LlamaConfig config() const { return golden::config(name()); }
  const golden::GoldenFile& file() const { return file_; }
  int64_t batch() const { return file_.shape("tokens")[0]; }
  int64_t sequence() const { return file_.shape("tokens")[1]; }

  Tensors run(const mil::Function& function, const std::vector<std::string>& leading, double loss_scale = 0) const {
    Tensors inputs;
    for (const std::string& tensor : leading) inputs.push_back(numbers(tensor));
    if (loss_scale != 0) inputs.push_back({loss_scale});
    for (const ParameterDescription& parameter : parameters(config())) {
      inputs.push_back(numbers("parameters." + parameter.name));
    }
    return std::get<0>(GetParam()).run(function, inputs);
  }
  void expect_close(const Numbers& actual, const std::string& tensor) const {
    golden::expect_close(std::vector<float>(actual.begin(), actual.end()), file_.tensor(tensor), tensor);
  }

 private:
  Numbers numbers(const std::string& tensor) const {
    const std::vector<float> values = file_.tensor(tensor);
    return {values.begin(), values.end()};
  }

  golden::GoldenFile file_{name()};
};

TEST_P(Golden, LogitsAgreeWithPyTorch) {
  const auto logits = build_logits(config(), {batch(), sequence()});
  ASSERT_TRUE(logits) << logits.error().message;
  const Numbers channels_first = run(*logits->function, {"tokens"})[logits->logits_result];  // [B, V, S]
  const int64_t vocabulary = config().vocabulary_size;
  Numbers rows;  // [B, S, V], as the file has them
  for (int64_t b = 0; b < batch(); ++b) {
    for (int64_t s = 0; s < sequence(); ++s) {
      for (int64_t v = 0; v < vocabulary; ++v) {
        rows.push_back(channels_first[static_cast<size_t>((b * vocabulary + v) * sequence() + s)]);
      }
    }
  }
  expect_close(rows, "logits");
}

TEST_P(Golden, EvaluationAgreesWithPyTorch) {
  const auto evaluation = build_evaluation(config(), {batch(), sequence()});
  ASSERT_TRUE(evaluation) << evaluation.error().message;
  const Tensors results = run(*evaluation->function, {"tokens", "targets"});
  expect_close(results[evaluation->loss_result], "loss");
  expect_close(results[evaluation->token_losses_result], "token_losses");
}

TEST_P(Golden, LossAndGradientsAgreeWithPyTorch) {
  const auto step = build_training_step(config(), {batch(), sequence()});
  ASSERT_TRUE(step) << step.error().message;
  const Tensors results = run(*step->function, {"tokens", "targets"}, 1.0);
  expect_close(results[step->loss_result], "loss");
  const auto list = parameters(config());
  ASSERT_EQ(results.size(), step->first_gradient_result + list.size());
  for (size_t i = 0; i < list.size(); ++i) {
    expect_close(results[step->first_gradient_result + i], "gradients." + list[i].name);
  }
}

// The first update of the trajectory, before the optimizer has any say: its losses and the norm of its mean gradient.
TEST(GoldenTrajectory, BeginsWithTheLossAndGradientNormOfAccumulatedSteps) {
  const golden::GoldenFile trajectory("trajectory");
  const std::string name = trajectory.text("configuration");
  const golden::GoldenFile start(name);
  const LlamaConfig config = golden::config(name);
  const mil::Shape shape = trajectory.shape("tokens");  // [U, A, B, S]
  const auto step = build_training_step(config, {shape[2], shape[3], true});
  ASSERT_TRUE(step) << step.error().message;

  Tensors weights, gradients;
  for (const ParameterDescription& parameter : parameters(config)) {
    const std::vector<float> values = start.tensor("parameters." + parameter.name);
    weights.emplace_back(values.begin(), values.end());
    gradients.emplace_back(values.size(), 0.0);
  }
  const std::vector<int32_t> tokens = trajectory.ids("tokens"), targets = trajectory.ids("targets");
  const auto steps = static_cast<double>(shape[1]);
  double loss = 0;
  for (int64_t i = 0; i < shape[1]; ++i) {
    const int64_t begin = i * shape[2] * shape[3], end = begin + shape[2] * shape[3];
    Tensors inputs = {{tokens.begin() + begin, tokens.begin() + end}, {targets.begin() + begin, targets.begin() + end}};
    inputs.push_back({1.0 / steps});
    inputs.insert(inputs.end(), weights.begin(), weights.end());
    inputs.insert(inputs.end(), gradients.begin(), gradients.end());
    Tensors results = interpret(*step->function, inputs);
    loss += results[step->loss_result][0] / steps;
    for (size_t p = 0; p < gradients.size(); ++p) gradients[p] = results[step->first_gradient_result + p];
  }
  double squares = 0;
  for (const Numbers& gradient : gradients) {
    for (const double value : gradient) squares += value * value;
  }
  EXPECT_NEAR(loss, trajectory.tensor("losses")[0], 1e-6 * loss);
  EXPECT_NEAR(std::sqrt(squares), trajectory.tensor("gradient_norms")[0], 1e-6 * std::sqrt(squares));
}

INSTANTIATE_TEST_SUITE_P(All, Golden,
                         testing::Combine(testing::Values(Way{"Interpreter", interpret}, Way{"Executor", execute}),
                                          testing::Values("mha_untied", "gqa_tied")),
                         [](const auto& info) {
                           return std::get<0>(info.param).name +
                                  std::string(std::get<1>(info.param)[0] == 'm' ? "MhaUntied" : "GqaTied");
                         });

}  // namespace
}  // namespace millwright::model
