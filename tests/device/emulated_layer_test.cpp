// The six programs that train one transformer layer, small, on the emulated engine: the same numbers as in fp32 on the
// CPU, up to the rounding of fp16. bench/emulation measures them at their published size.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "ane/published_layers.h"
#include "ane/published_programs.h"
#include "base/random.h"
#include "base/temporary_folder.h"
#include "device/cpu/cpu_device.h"
#include "device/emulated_testing.h"
#include "mil/blob/program_blobs.h"

namespace millwright::device {
namespace {

// The largest results are sums of 96 products of rounded factors: 2^-11 each, and once more for every step on the way.
constexpr double kLargestDeviation = 0x1p-7;  // of the largest result

// Weights of a known seed, moved into one file of many records.
mil::Program with_weight_file(const mil::Function& built, const Path& path) {
  mil::Program program;
  program.add_function(mil::clone(built));
  ane::fill_weights(*program.functions()[0]);
  auto writer = mil::BlobWriter::create(path);
  EXPECT_TRUE(writer.has_value());
  mil::WeightFiles none;
  const Status stored = mil::store_blobs(program, mil::kBlobElements, *writer, std::string(ane::kWeightPath), none);
  EXPECT_TRUE(stored.has_value()) << stored.error().message;
  EXPECT_TRUE(writer->commit().has_value());
  return program;
}

std::vector<double> results(Device& device, const ane::LayerProgram& layer, const Path& folder) {
  const mil::Program program = with_weight_file(*layer.function, folder / "w.bin");
  const auto file = MappedFile::open(folder / "w.bin");
  EXPECT_TRUE(file.has_value());
  const WeightFile weights{std::string(ane::kWeightPath), file->bytes()};
  const auto executable = device.compile(program, {.weights = {&weights, 1}});
  EXPECT_TRUE(executable.has_value()) << executable.error().message;
  EXPECT_TRUE((*executable)->load().has_value());
  const Port& input = (*executable)->inputs()[0];
  const Port& output = (*executable)->outputs()[0];
  // Widths are whole multiples of 64 bytes, so that surfaces are arrays.
  Surface x = *Surface::allocate(input.type);
  Surface y = *Surface::allocate(output.type);
  const auto width = static_cast<int64_t>(mil::element_bytes(input.type.element()));
  RandomStream random(5);
  for (int64_t i = 0; i < input.type.count(); ++i) {
    mil::store_number(input.type.element(), random.uniform() - 0.5, x.data() + i * width);
  }
  const Status status = evaluate(**executable, {&x}, {&y});
  EXPECT_TRUE(status.has_value()) << status.error().message;
  std::vector<double> numbers;
  for (int64_t i = 0; i < output.type.count(); ++i) {
    numbers.push_back(mil::load_number(output.type.element(), y.data() + i * width));
  }
  return numbers;
}

TEST(EmulatedLayer, ComputesWhatTheCpuDoes) {
  const ane::LayerShape shape = {.dim = 64, .hidden = 96, .heads = 4, .kv_heads = 4, .head_dim = 16, .sequence = 32};
  ane::LayerShape single = shape;
  single.element = mil::ElementType::fp32;
  std::vector<ane::LayerProgram> halves = ane::static_layer_programs(shape);
  std::vector<ane::LayerProgram> singles = ane::static_layer_programs(single);
  const TemporaryFolder folder;
  Engine engine;
  CpuDevice cpu;
  for (size_t i = 0; i < halves.size(); ++i) {
    const std::vector<double> found = results(engine.device(), halves[i], folder.path());
    const std::vector<double> expected = results(cpu, singles[i], folder.path());
    ASSERT_EQ(found.size(), expected.size());
    double largest = 0;
    double deviation = 0;
    for (size_t at = 0; at < found.size(); ++at) {
      largest = std::max(largest, std::abs(expected[at]));
      deviation = std::max(deviation, std::abs(found[at] - expected[at]));
    }
    EXPECT_GT(largest, 0) << halves[i].name;
    EXPECT_LE(deviation, kLargestDeviation * largest) << halves[i].name;
  }
}

}  // namespace
}  // namespace millwright::device
