// Single operations of the executor against NumPy and PyTorch: the cases of tests/golden/operations, whose format
// tests/golden/operation_cases.py describes.
#include <limits>
#include <nlohmann/json.hpp>

#include "base/files.h"
#include "execution.h"
#include "mil/parser.h"
#include "mil/verifier.h"
#include "source_dir.h"

namespace millwright::cpu {
namespace {

struct GoldenCase {
  std::string file;
  std::string name;
  std::string function;
  std::vector<std::vector<double>> inputs;
  std::vector<std::vector<double>> results;
  double tolerance = 0;
};

void PrintTo(const GoldenCase& one, std::ostream* out) { *out << one.name; }

double number_of(const nlohmann::json& item) {
  if (item.is_number()) return item.get<double>();
  const auto text = item.get<std::string>();
  if (text == "nan") return std::numeric_limits<double>::quiet_NaN();
  return (text == "-inf" ? -1 : 1) * std::numeric_limits<double>::infinity();
}

std::vector<std::vector<double>> number_lists(const nlohmann::json& lists) {
  std::vector<std::vector<double>> all;
  for (const auto& list : lists) {
    all.emplace_back();
    for (const auto& item : list) all.back().push_back(number_of(item));
  }
  return all;
}

std::vector<GoldenCase> cases_of(const std::string& file) {
  const Path path = Path(kSourceDirectory) / "tests" / "golden" / "operations" / (file + ".json");
  std::vector<GoldenCase> cases;
  for (const auto& item : nlohmann::json::parse(read_text_file(path, size_t{1} << 20).value())) {
    cases.push_back({file, item.at("name"), item.at("function"), number_lists(item.at("inputs")),
                     number_lists(item.at("results")), item.at("tolerance")});
  }
  return cases;
}

std::vector<GoldenCase> all_cases() {
  std::vector<GoldenCase> all;
  for (const char* file : {"movement", "recurrent", "elementary", "products", "convolution", "pooling", "normalization",
                           "reduction", "elementwise"}) {
    for (GoldenCase& one : cases_of(file)) all.push_back(std::move(one));
  }
  return all;
}

class GoldenOperation : public ::testing::TestWithParam<GoldenCase> {};

TEST_P(GoldenOperation, GivesTheReferencesNumbers) {
  const GoldenCase& golden = GetParam();
  const auto program = mil::parse_program("program(1.3)\n{\nfunc main<ios18>" + golden.function + "\n}\n", golden.name);
  ASSERT_TRUE(program) << program.error().message;
  const Status verified = mil::verify(*program);
  ASSERT_TRUE(verified) << verified.error().message;
  const mil::Function& function = *program->functions().front();
  std::vector<mil::TensorValue> inputs;
  ASSERT_EQ(function.inputs().size(), golden.inputs.size());
  for (size_t i = 0; i < golden.inputs.size(); ++i) {
    inputs.push_back({function.inputs()[i]->type(), golden.inputs[i]});
    ASSERT_EQ(inputs[i].type.count(), static_cast<int64_t>(golden.inputs[i].size()));
  }
  const auto compiled = compile(function);
  ASSERT_NE(compiled, nullptr);
  const auto results = run(*compiled, function, inputs);
  ASSERT_TRUE(results) << results.error().message;
  ASSERT_EQ(results->size(), golden.results.size());
  for (size_t r = 0; r < results->size(); ++r) {
    const std::vector<double>& found = (*results)[r].numbers;
    const std::vector<double>& expected = golden.results[r];
    ASSERT_EQ(found.size(), expected.size()) << "result " << r;
    for (size_t i = 0; i < expected.size(); ++i) {
      const bool same = found[i] == expected[i] || (std::isnan(found[i]) && std::isnan(expected[i])) ||
                        std::fabs(found[i] - expected[i]) <= golden.tolerance * std::max(1.0, std::fabs(expected[i]));
      ASSERT_TRUE(same) << "result " << r << ", element " << i << ": " << found[i] << " instead of " << expected[i]
                        << "\n"
                        << golden.function << "\n"
                        << compiled->listing();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenOperation, ::testing::ValuesIn(all_cases()), [](const auto& info) {
  std::string name = fmt::format("{}_{}_{}", info.param.file, info.param.name, info.index);
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace millwright::cpu
