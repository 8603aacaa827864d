// bench/mil: how fast MIL text is read and verified, on one core, and how much memory that takes. The text is that of a
// file, or of a transformer of any length in the style of Apple's compiler, without weights, or of short lines, which
// cost most per byte. Times are processor times of this process, so that other work on the machine counts little; the
// byte scan of the same run shows what is left.
//
//   mil [FILE] [--lines KIND] [--megabytes N] [--repetitions N] [--write FILE]
#include <CLI/CLI.hpp>

#include <algorithm>
#include <ctime>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/memory_usage.h"
#include "command_line.h"
#include "mil/parser.h"
#include "mil/verifier.h"

namespace millwright {
namespace {

struct Options {
  std::string file;
  std::string lines = "compiled";
  size_t megabytes = 64;
  int repetitions = 5;
  std::string write;
};

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// A transformer encoder as coremlc prints one: weights by BLOBFILE, parameters as const statements in front of their
// operation, a name attribute everywhere. 768 channels, 12 heads, 256 tokens.
class TransformerText {
 public:
  explicit TransformerText(size_t bytes) : bytes_(bytes) { text_.reserve(bytes + (size_t{1} << 20)); }

  std::string take() {
    text_ +=
        "program(1.3)\n[buildInfo = dict<string, string>({{\"coremlc-component-MIL\", \"3510.2.1\"}, "
        "{\"coremlc-version\", \"3505.4.1\"}})]\n{\n"
        "    func main<ios18>(tensor<fp16, [1, 768, 1, 256]> x, tensor<fp16, [1, 1, 256, 256]> mask) {\n";
    std::string x = "x";
    for (int layer = 0; layer == 0 || text_.size() < bytes_; ++layer) x = append_layer(layer, x);
    text_ += fmt::format("        }} -> ({});\n}}", x);
    return std::move(text_);
  }

 private:
  static constexpr std::string_view kTokens = "tensor<fp16, [1, 768, 1, 256]>";

  void append(std::string_view type, std::string_view name, std::string_view operation, std::string_view value) {
    const auto out = std::back_inserter(text_);
    if (operation == "const") {
      fmt::format_to(out, "            {0} {1} = const()[name = string(\"{1}\"), val = {0}({2})];\n", type, name,
                     value);
    } else {
      fmt::format_to(out, "            {0} {1} = {2}({3})[name = string(\"{1}\")];\n", type, name, operation, value);
    }
  }

  std::string weight(const std::string& name, std::string_view type) {
    offset_ += 64;
    append(type, name, "const",
           fmt::format("BLOBFILE(path = string(\"@model_path/weights/weight.bin\"), offset = uint64({}))", offset_));
    return name;
  }

  // What coremltools calls a result that has no name of its own.
  std::string numbered(std::string_view stem) { return fmt::format("{}_{}", stem, number_ += 2); }

  std::string convolution(const std::string& path, std::string_view type, std::string_view weight_type,
                          std::string_view bias_type, const std::string& x) {
    const std::string name = numbered("input");
    append("string", name + "_pad_type_0", "const", "\"valid\"");
    append("tensor<int32, [2]>", name + "_strides_0", "const", "[1, 1]");
    append("tensor<int32, [4]>", name + "_pad_0", "const", "[0, 0, 0, 0]");
    append("tensor<int32, [2]>", name + "_dilations_0", "const", "[1, 1]");
    append("int32", name + "_groups_0", "const", "1");
    weight(path + "_weight_to_fp16", weight_type);
    weight(path + "_bias_to_fp16", bias_type);
    append(type, name + "_cast_fp16", "conv",
           fmt::format("bias = {0}_bias_to_fp16, dilations = {1}_dilations_0, groups = {1}_groups_0, pad = {1}_pad_0, "
                       "pad_type = {1}_pad_type_0, strides = {1}_strides_0, weight = {0}_weight_to_fp16, x = {2}",
                       path, name, x));
    return name + "_cast_fp16";
  }

  std::string normalization(const std::string& path, const std::string& x) {
    const std::string name = numbered("hidden_states");
    append("tensor<int32, [1]>", name + "_axes_0", "const", "[1]");
    weight(path + "_weight_to_fp16", "tensor<fp16, [768]>");
    weight(path + "_bias_to_fp16", "tensor<fp16, [768]>");
    append("fp16", name + "_epsilon_0_to_fp16", "const", "0x1.5p-17");
    append(kTokens, name + "_cast_fp16", "layer_norm",
           fmt::format("axes = {1}_axes_0, beta = {0}_bias_to_fp16, epsilon = {1}_epsilon_0_to_fp16, gamma = "
                       "{0}_weight_to_fp16, x = {2}",
                       path, name, x));
    return name + "_cast_fp16";
  }

  std::string reshaped(std::string_view type, std::string_view shape, const std::string& x) {
    const std::string name = numbered("var");
    append("tensor<int32, [4]>", name + "_shape_0", "const", shape);
    append(type, name + "_cast_fp16", "reshape", fmt::format("shape = {}_shape_0, x = {}", name, x));
    return name + "_cast_fp16";
  }

  std::string product(std::string_view type, const std::string& x, const std::string& y, bool transpose_x,
                      bool transpose_y) {
    const std::string name = numbered("var");
    append("bool", name + "_transpose_x_0", "const", transpose_x ? "true" : "false");
    append("bool", name + "_transpose_y_0", "const", transpose_y ? "true" : "false");
    append(
        type, name + "_cast_fp16", "matmul",
        fmt::format("transpose_x = {0}_transpose_x_0, transpose_y = {0}_transpose_y_0, x = {1}, y = {2}", name, x, y));
    return name + "_cast_fp16";
  }

  std::string added(std::string_view type, const std::string& x, const std::string& y) {
    const std::string name = numbered("var") + "_cast_fp16";
    append(type, name, "add", fmt::format("x = {}, y = {}", x, y));
    return name;
  }

  std::string attention(const std::string& path, const std::string& x) {
    constexpr std::string_view kHeads = "tensor<fp16, [1, 12, 64, 256]>";
    constexpr std::string_view kScores = "tensor<fp16, [1, 12, 256, 256]>";
    constexpr std::string_view kSquare = "tensor<fp16, [768, 768, 1, 1]>";
    const auto head = [&](std::string_view projection) {
      const std::string name = fmt::format("{}_{}_proj", path, projection);
      return reshaped(kHeads, "[1, 12, 64, 256]", convolution(name, kTokens, kSquare, "tensor<fp16, [768]>", x));
    };
    const std::string query = head("q");
    const std::string key = head("k");
    const std::string value = head("v");
    const std::string scaled = numbered("var");
    append("fp16", scaled + "_scale_to_fp16", "const", "0x1p-3");
    append(kHeads, scaled + "_cast_fp16", "mul", fmt::format("x = {}, y = {}_scale_to_fp16", query, scaled));
    const std::string scores = added(kScores, product(kScores, scaled + "_cast_fp16", key, true, false), "mask");
    const std::string weights = numbered("attention_weights");
    append("int32", weights + "_axis_0", "const", "-1");
    append(kScores, weights + "_cast_fp16", "softmax", fmt::format("axis = {0}_axis_0, x = {1}", weights, scores));
    const std::string mixed = product(kHeads, value, weights + "_cast_fp16", false, true);
    return convolution(path + "_out_proj", kTokens, kSquare, "tensor<fp16, [768]>",
                       reshaped(kTokens, "[1, 768, 1, 256]", mixed));
  }

  std::string append_layer(int layer, const std::string& x) {
    constexpr std::string_view kHidden = "tensor<fp16, [1, 3072, 1, 256]>";
    const std::string path = fmt::format("encoder_layers_{}", layer);
    const std::string normalised = normalization(path + "_self_attn_layer_norm", x);
    const std::string attended = added(kTokens, x, attention(path + "_self_attn", normalised));
    const std::string hidden = convolution(path + "_fc1", kHidden, "tensor<fp16, [3072, 768, 1, 1]>",
                                           "tensor<fp16, [3072]>", normalization(path + "_final_layer_norm", attended));
    const std::string activated = numbered("input");
    append("string", activated + "_mode_0", "const", "\"EXACT\"");
    append(kHidden, activated + "_cast_fp16", "gelu", fmt::format("mode = {0}_mode_0, x = {1}", activated, hidden));
    const std::string out = convolution(path + "_fc2", kTokens, "tensor<fp16, [768, 3072, 1, 1]>",
                                        "tensor<fp16, [768]>", activated + "_cast_fp16");
    return added(kTokens, attended, out);
  }

  size_t bytes_;
  std::string text_;
  uint64_t offset_ = 0;  // of the last weight in its file
  int number_ = 0;       // of the last result without a name
};

// One elementwise operation per line, as programs written by hand have them: every line makes an operation, a value and
// two operands. `labels`: with a name attribute behind each.
std::string short_lines(size_t bytes, bool labels) {
  constexpr std::string_view kType = "tensor<fp16, [1, 64, 1, 32]>";
  std::string text = fmt::format("program(1.3)\n{{\n    func main<ios18>({} v0) {{\n", kType);
  text.reserve(bytes + 256);
  size_t last = 0;
  while (text.size() < bytes) {
    const size_t x = last;
    const size_t y = last == 0 ? 0 : last - 1;
    ++last;
    fmt::format_to(std::back_inserter(text), "        {} v{} = mul(x = v{}, y = v{})", kType, last, x, y);
    if (labels) fmt::format_to(std::back_inserter(text), "[name = string(\"v{}\")]", last);
    text += ";\n";
  }
  return text + fmt::format("    }} -> (v{});\n}}\n", last);
}

std::string generated_text(const Options& options) {
  const size_t bytes = options.megabytes * 1'000'000;
  return options.lines == "compiled" ? TransformerText(bytes).take() : short_lines(bytes, options.lines == "short");
}

// FNV-1a, one byte after the other: a pass over the text whose speed depends on the processor's clock alone.
uint64_t scan_bytes(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
  return hash;
}

struct Times {
  std::vector<double> scan, parse, verify, both, destroy;  // seconds, one per repetition
};

struct Memory {
  double parsed = 0;    // bytes that the program holds
  double verified = 0;  // and at the highest point of both
};

Result<Times> measure(std::string_view text, int repetitions, Memory& memory) {
  Times times;
  for (int i = 0; i < repetitions; ++i) {
    const double start = processor_seconds();
    const uint64_t hash = scan_bytes(text);
    const double scanned = processor_seconds();
    if (hash == 0) fmt::print("\n");  // the scan has a use
    const auto before = static_cast<double>(current_resident_bytes());
    const double begun = processor_seconds();
    MW_ASSIGN(std::optional<mil::Program> program, mil::parse_program(text, "text"));
    const double parsed = processor_seconds();
    // Only the first repetition begins in a fresh heap.
    if (i == 0) memory.parsed = static_cast<double>(current_resident_bytes()) - before;
    const double verifying = processor_seconds();
    MW_TRY(mil::verify(*program));
    const double verified = processor_seconds();
    if (i == 0) memory.verified = static_cast<double>(peak_resident_bytes()) - before;
    const double destroying = processor_seconds();
    program.reset();
    times.destroy.push_back(processor_seconds() - destroying);
    times.scan.push_back(scanned - start);
    times.parse.push_back(parsed - begun);
    times.verify.push_back(verified - verifying);
    times.both.push_back(parsed - begun + verified - verifying);
  }
  return times;
}

Status run(const Options& options) {
  constexpr size_t kLargestFile = size_t{1} << 32;
  std::string text;
  if (options.file.empty()) {
    text = generated_text(options);
  } else {
    MW_ASSIGN(text, read_text_file(options.file, kLargestFile));
  }
  if (!options.write.empty()) return write_file_atomically(Path(options.write), text);

  Memory memory;
  MW_ASSIGN(const Times times, measure(text, options.repetitions, memory));
  const auto bytes = static_cast<double>(text.size());
  const double scan = median(times.scan);
  fmt::print("{:.1f} MB of text, {} lines, medians of {} repetitions, processor time of one thread\n", bytes / 1e6,
             std::ranges::count(text, '\n') + 1, options.repetitions);
  const auto line = [&](std::string_view name, const std::vector<double>& seconds) {
    const double time = median(seconds);
    fmt::print("{:<16}{:9.1f} MB/s   {:5.1f} times the byte scan\n", name, bytes / time / 1e6, time / scan);
  };
  line("byte scan", times.scan);
  line("parse", times.parse);
  line("verify", times.verify);
  line("parse + verify", times.both);
  line("destroy", times.destroy);
  fmt::print("memory          {:9.2f} bytes per byte of text after parsing, {:.2f} at the peak of both\n",
             memory.parsed / bytes, memory.verified / bytes);
  return {};
}

}  // namespace
}  // namespace millwright

int main(int argc, char** argv) {
  millwright::Options options;
  CLI::App app("Speed and memory of reading and verifying MIL text");
  app.add_option("FILE", options.file, "MIL text; a generated transformer by default")->check(CLI::ExistingFile);
  app.add_option("--lines", options.lines,
                 "Of the generated text: compiled, a transformer; short, one named operation each; bare, without names")
      ->check(CLI::IsMember({"compiled", "short", "bare"}))
      ->capture_default_str();
  app.add_option("--megabytes", options.megabytes, "Of the generated text")
      ->check(CLI::Range(1, 2000))
      ->capture_default_str();
  app.add_option("--repetitions", options.repetitions, "Measured repetitions")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--write", options.write, "Write the text to a file and stop");
  if (const auto code = millwright::bench::parse_command_line(app, "mil", argc, argv)) return *code;
  const millwright::Status status = millwright::run(options);
  if (status) return 0;
  return millwright::bench::report_error("mil", status.error());
}
