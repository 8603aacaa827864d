// One program that breaks each rule and one that just keeps it. The programs come from the catalogue's statements, not
// from the checks.
#include <gtest/gtest.h>

#include <set>

#include "ane/rule_testing.h"
#include "ane/rules/rule.h"

namespace millwright::ane {
namespace {

using testing::chip;
using testing::constant;
using testing::parsed;
using testing::program_text;
using testing::texts;
using testing::weight;

struct Case {
  std::string rule;
  std::string broken_on;
  std::string broken;
  std::vector<std::string> findings;  // of this rule, whole
  std::string kept_on;
  std::string kept;  // breaks no rule at all
};

// y = KIND(PARAMETERS) of an input x.
std::string unary(std::string_view input, std::string_view call, std::string_view result,
                  std::string_view before = "") {
  return program_text(fmt::format("{} x", input),
                      fmt::format("{}{} y = {}[name = string(\"y\")];", before, result, call), "y");
}

constexpr const char* kFlat = "tensor<fp16, [1, 4, 1, 32]>";
std::string flat(int64_t channels, int64_t width, std::string_view element = "fp16") {
  return fmt::format("tensor<{}, [1, {}, 1, {}]>", element, channels, width);
}

// y = conv(x, w) with x [1, 4, 1, 64] and a kernel [outputs, 4, height, width].
std::string convolution(int64_t outputs, int64_t height, int64_t width) {
  return program_text(
      "tensor<fp16, [1, 4, 32, 64]> x",
      weight("w", fmt::format("[{}, 4, {}, {}]", outputs, height, width)) +
          fmt::format("tensor<fp16, [1, {}, {}, {}]> y = conv(weight = w, x = x)[name = string(\"y\")];", outputs,
                      33 - height, 65 - width),
      "y");
}

std::string runtime_convolution(int64_t batch, int64_t outputs, int64_t groups) {
  return program_text(
      fmt::format("tensor<fp16, [{}, 4, 1, 32]> a, tensor<fp16, [{}, {}, 1, 1]> b", batch, outputs, 4 / groups),
      constant("int32", "g", fmt::format("{}", groups)) +
          fmt::format("tensor<fp16, [{}, {}, 1, 32]> y = conv(groups = g, weight = b, x = a)[name = string(\"y\")];",
                      batch, outputs),
      "y");
}

std::string convolution_chain(int64_t count) {
  std::string body = weight("w", "[4, 4, 1, 1]");
  std::string before = "x";
  for (int64_t i = 0; i < count; ++i) {
    const std::string name = fmt::format("c{}", i);
    body += fmt::format("{} {} = conv(weight = w, x = {})[name = string(\"{}\")];\n", kFlat, name, before, name);
    before = name;
  }
  return program_text(fmt::format("{} x", kFlat), body, before);
}

std::string attention(int64_t queries, int64_t keys, std::string_view mask) {
  const std::string q = fmt::format("tensor<fp16, [1, 2, {}, 32]>", queries);
  const std::string k = fmt::format("tensor<fp16, [1, 2, {}, 32]>", keys);
  const bool masked = !mask.empty();
  return program_text(
      fmt::format("{}{} k, {} q, {} v", masked ? fmt::format("tensor<fp16, {}> a, ", mask) : "", k, q, k),
      fmt::format("{} y = scaled_dot_product_attention({}key = k, query = q, value = v)[name = string(\"y\")];", q,
                  masked ? "attn_mask = a, " : ""),
      "y");
}

std::string concatenation(int64_t parts) {
  std::string inputs;
  std::string names;
  for (int64_t i = 0; i < parts; ++i) {
    inputs += fmt::format("{}{} a{:03}", i == 0 ? "" : ", ", kFlat, i);
    names += fmt::format("{}a{:03}", i == 0 ? "" : ", ", i);
  }
  return program_text(
      inputs,
      constant("int32", "axis", "1") + constant("bool", "inter", "false") +
          fmt::format("{} y = concat(axis = axis, interleave = inter, values = ({}))[name = string(\"y\")];",
                      flat(4 * parts, 32), names),
      "y");
}

std::string slice(int64_t axis, int64_t begin) {
  const std::vector<int64_t> whole = {1, 64, 1, 64};
  std::vector<int64_t> at(4, 0);
  std::vector<int64_t> size = whole;
  at[static_cast<size_t>(axis)] = begin;
  size[static_cast<size_t>(axis)] = 32;
  const std::string result = fmt::format("tensor<fp16, [{}]>", fmt::join(size, ", "));
  return program_text("tensor<fp16, [1, 64, 1, 64]> x",
                      constant("tensor<int32, [4]>", "b", fmt::format("[{}]", fmt::join(at, ", "))) +
                          constant("tensor<int32, [4]>", "s", fmt::format("[{}]", fmt::join(size, ", "))) +
                          fmt::format("{0} p = slice_by_size(begin = b, size = s, x = x)[name = string(\"p\")];\n"
                                      "{0} y = relu(x = p)[name = string(\"y\")];",
                                      result),
                      "y");
}

std::string slice_by_end(int64_t begin) {
  return program_text(
      "tensor<fp16, [1, 64, 1, 64]> x",
      constant("tensor<int32, [4]>", "b", fmt::format("[0, 0, 0, {}]", begin)) +
          constant("tensor<int32, [4]>", "e", fmt::format("[1, 64, 1, {}]", begin + 32 > 0 ? begin + 32 : 64)) +
          "tensor<fp16, [1, 64, 1, 32]> p = slice_by_index(begin = b, end = e, x = x)[name = string(\"p\")];\n"
          "tensor<fp16, [1, 64, 1, 32]> y = relu(x = p)[name = string(\"y\")];",
      "y");
}

std::string matmul_of_constant(bool baked) {
  const std::string type = "tensor<fp16, [1, 32, 32]>";
  return program_text(
      baked ? type + " b" : type + " a, " + type + " b",
      (baked ? weight("a", "[1, 32, 32]") : "") + type + " y = matmul(x = a, y = b)[name = string(\"y\")];", "y");
}

const std::string kFailsAtCompile = "the compile fails (ANECCompile() FAILED)";
const std::string kRefused = "the compiler refuses the text (InvalidMILProgram)";

std::vector<Case> text_cases() {
  const std::string softmax_body = "softmax(axis = {}, x = x)";
  const std::string axis = constant("int32", "c", "-1");
  return {
      {"C01",
       "m4",
       unary(kFlat, "softmax(axis = int32(-1), x = x)", kFlat),
       {"C01 error at compile: y (softmax): axis is written in place; " + kRefused +
        "; write it as a const of its own: mil print --style engine does"},
       "m4",
       unary(kFlat, "softmax(axis = c, x = x)", kFlat, axis)},
      {"C02",
       "m4",
       unary(kFlat, "softmax(axis = c, x = x)", kFlat, constant("int16", "c", "-1")),
       {"C02 error at compile: y (softmax): axis is int16, expected int32; " + kRefused + "; make the constant int32"},
       "m4",
       unary(kFlat, "softmax(axis = c, x = x)", kFlat, axis)},
      {"C03",
       "m4",
       program_text(fmt::format("{} x", kFlat), fmt::format("{} y = relu(x = x)[name = string(\"y\xc3\")];", kFlat),
                    "y"),
       {"C03 error at compile: y\xc3 (relu): an attribute is not UTF-8; the descriptor is nil; write the string in "
        "UTF-8"},
       "m4",
       program_text(fmt::format("{} x", kFlat), fmt::format("{} y = relu(x = x)[name = string(\"y\xc3\xa9\")];", kFlat),
                    "y")},
      {"C05",
       "m4",
       program_text(fmt::format("{} x", kFlat), fmt::format("{} y = relu(x = x)[name = string(\"y\")];", kFlat),
                    "x, y"),
       {"C05 error at compile: output x: is an input; " + kFailsAtCompile +
        "; return the result of an operation on it"},
       "m4",
       unary(kFlat, "relu(x = x)", kFlat)},
      {"C05",
       "m4",
       program_text(fmt::format("{} x", kFlat),
                    weight("w", "[1, 4, 1, 32]") + fmt::format("{} y = relu(x = x)[name = string(\"y\")];", kFlat),
                    "w, y"),
       {"C05 error at compile: output w: is a constant; " + kFailsAtCompile +
        "; return the result of an operation on it"},
       "m4",
       program_text(
           fmt::format("{} x", kFlat),
           weight("w", "[1, 4, 1, 32]") + fmt::format("{} y = mul(x = x, y = w)[name = string(\"y\")];", kFlat), "y")},
      {"C06",
       "m4",
       unary(kFlat, "conv(bias = b, weight = w, x = x)", flat(8, 32), weight("w", "[8, 4, 1, 1]") + weight("b", "[8]")),
       {"C06 error at compile: y (conv): has a bias; " + kRefused + "; add the bias with add"},
       "m4",
       unary(kFlat, "conv(weight = w, x = x)", flat(8, 32), weight("w", "[8, 4, 1, 1]"))},
      {"C06",
       "m4",
       unary(kFlat, "conv(bias = b, weight = w, x = x)", flat(8, 32), weight("w", "[8, 4, 1, 1]") + weight("b", "[8]")),
       {"C06 error at compile: y (conv): has a bias; " + kRefused + "; add the bias with add"},
       "m4+e5",
       unary(kFlat, "conv(bias = b, weight = w, x = x)", flat(8, 32),
             weight("w", "[8, 4, 1, 1]") + weight("b", "[8]"))},
      {"C07",
       "m4+orion",
       concatenation(2),
       {"C07 error at compile: y (concat): joins values; " + kFailsAtCompile +
        "; return the parts as outputs of their own"},
       "m4",
       concatenation(2)},
      {"C08",
       "m4",
       unary(kFlat, "gelu(mode = c, x = x)", kFlat, constant("string", "c", "\"EXACT\"")),
       {"C08 error at compile: y (gelu): is one operation; " + kFailsAtCompile +
        "; decompose it into mul, tanh and add"},
       "m4+e5",
       unary(kFlat, "gelu(mode = c, x = x)", kFlat, constant("string", "c", "\"EXACT\""))},
      {"C08",
       "m4",
       unary(kFlat, "gelu(mode = c, x = x)", kFlat, constant("string", "c", "\"TANH_APPROXIMATION\"")),
       {"C08 error at compile: y (gelu): is one operation; " + kFailsAtCompile +
        "; decompose it into mul, tanh and add"},
       "m4",
       unary(kFlat, "silu(x = x)", kFlat)},
      {"C09",
       "m2",
       unary(kFlat, "sin(x = x)", kFlat),
       {"C09 error at compile: y (sin): sin is no operation of the engine; " + kFailsAtCompile +
        "; run it on the CPU, or on m3 and later"},
       "m3",
       unary(kFlat, "sin(x = x)", kFlat)},
      {"C09",
       "m5",
       unary(kFlat, "tan(x = x)", kFlat),
       {"C09 error at compile: y (tan): tan is no operation of the engine; " + kFailsAtCompile + "; run it on the CPU"},
       "m5",
       unary(kFlat, "tanh(x = x)", kFlat)},
      {"C09",
       "m4",
       unary(kFlat, "leaky_relu(alpha = c, x = x)", kFlat, constant("fp16", "c", "0.5")),
       {"C09 error at compile: y (leaky_relu): leaky_relu is no operation of the engine; " + kFailsAtCompile +
        "; use maximum of x and x times alpha"},
       "m4+e5",
       unary(kFlat, "leaky_relu(alpha = c, x = x)", kFlat, constant("fp16", "c", "0.5"))},
      {"C0D",
       "m4",
       unary(flat(4, 64), "reshape(shape = s, x = x)", flat(8, 32),
             constant("tensor<int32, [4]>", "s", "[1, 8, 1, 32]")),
       {"C0D warning at compile: y (reshape): is the program's only operation; the compile may fail (ANECCompile() "
        "FAILED); compute something in the same program"},
       "m4",
       program_text(flat(4, 64) + " x",
                    constant("tensor<int32, [4]>", "s", "[1, 8, 1, 32]") + flat(8, 32) +
                        " r = reshape(shape = s, x = x)[name = string(\"r\")];\n" + flat(8, 32) +
                        " y = relu(x = r)[name = string(\"y\")];",
                    "y")},
      {"C0D",
       "m4",
       unary(kFlat, "tile(reps = r, x = x)", flat(4, 64), constant("tensor<int32, [4]>", "r", "[1, 1, 1, 2]")),
       {"C0D warning at compile: y (tile): is the program's only operation; the compile may fail (ANECCompile() "
        "FAILED); compute something in the same program"},
       "m4",
       unary(kFlat, "relu(x = x)", kFlat)},
      {"C0E",
       "m4",
       unary(kFlat, "rsqrt(x = x)", kFlat),
       {"C0E error at compile: y (rsqrt): has no epsilon; " + kFailsAtCompile + "; give epsilon as a constant"},
       "m4",
       unary(kFlat, "rsqrt(epsilon = c, x = x)", kFlat, constant("fp16", "c", "0x1p-12"))},
      {"C0E",
       "m4",
       unary(kFlat, "log(x = x)", kFlat),
       {"C0E error at compile: y (log): has no epsilon; " + kFailsAtCompile + "; give epsilon as a constant"},
       "m4",
       unary(kFlat, "log(epsilon = c, x = x)", kFlat, constant("fp16", "c", "0x1p-12"))},
      {"C0E",
       "m4",
       unary(kFlat, "inverse(x = x)", kFlat),
       {"C0E error at compile: y (inverse): has no epsilon; " + kFailsAtCompile + "; give epsilon as a constant"},
       "m4",
       unary(kFlat, "inverse(epsilon = c, x = x)", kFlat, constant("fp16", "c", "0x1p-12"))},
      {"C0F",
       "m1",
       matmul_of_constant(true),
       {"C0F error at compile: y (matmul): x is a constant; " + kRefused + "; pass it as an input, or use conv"},
       "m1",
       matmul_of_constant(false)},
      {"C0F",
       "m1",
       matmul_of_constant(true),
       {"C0F error at compile: y (matmul): x is a constant; " + kRefused + "; pass it as an input, or use conv"},
       "m4",
       matmul_of_constant(true)},
  };
}

std::string attention_pieces(bool with_tile) {
  const std::string half = "tensor<fp16, [1, 2, 32, 32]>";
  return program_text(
      "tensor<fp16, [1, 4, 32, 32]> x",
      constant("int32", "axis", "1") + constant("int32", "two", "2") + constant("int32", "last", "-1") +
          constant("tensor<int32, [4]>", "reps", "[1, 2, 1, 1]") + half + " p, " + half +
          " q = split(axis = axis, num_splits = two, x = x)[name = string(\"p\")];\n" + half +
          " m = matmul(x = p, y = q)[name = string(\"m\")];\n" + half +
          " s = softmax(axis = last, x = m)[name = string(\"s\")];\n" +
          (with_tile ? "tensor<fp16, [1, 4, 32, 32]> y = tile(reps = reps, x = s)[name = string(\"y\")];"
                     : half + " y = relu(x = s)[name = string(\"y\")];"),
      "y");
}

std::string normalized_slice(bool slices_input) {
  const std::string relu = flat(8, 32) + " r = relu(x = x)[name = string(\"r\")];\n";
  return program_text(
      flat(8, 32) + " x",
      constant("tensor<int32, [4]>", "b", "[0, 0, 0, 0]") + constant("tensor<int32, [4]>", "e", "[1, 4, 1, 32]") +
          constant("fp16", "tiny", "0x1p-12") + weight("w", "[4, 4, 1, 1]") + (slices_input ? "" : relu) + kFlat +
          " p = slice_by_index(begin = b, end = e, x = " + (slices_input ? "x" : "r") + ")[name = string(\"p\")];\n" +
          kFlat + " n = rsqrt(epsilon = tiny, x = p)[name = string(\"n\")];\n" + kFlat +
          " y = conv(weight = w, x = n)[name = string(\"y\")];",
      "y");
}

std::vector<Case> optional_text_cases() {
  const std::string group = "m4 rules.attention_group=true";
  const std::string espresso = "m4 rules.espresso_limits=true";
  const std::string axis = constant("int32", "c", "-1");
  const std::string axes = constant("tensor<int32, [1]>", "c", "[1]") + constant("bool", "k", "true");
  return {
      {"C0A",
       group,
       attention_pieces(true),
       {"C0A error at compile: function main: has split, matmul, softmax and tile; " + kFailsAtCompile +
        "; move one of them into another program"},
       group,
       attention_pieces(false)},
      {"C0A",
       group,
       attention_pieces(true),
       {"C0A error at compile: function main: has split, matmul, softmax and tile; " + kFailsAtCompile +
        "; move one of them into another program"},
       "m4",
       attention_pieces(true)},
      {"C0C",
       espresso,
       unary(flat(4, 96), "softmax(axis = c, x = x)", flat(4, 96), axis),
       {"C0C error at compile: y (softmax): its width 96 is no power of two; " + kRefused +
        "; pad the width, or slice elsewhere"},
       espresso,
       unary(flat(4, 64), "softmax(axis = c, x = x)", flat(4, 64), axis)},
      {"C0C",
       espresso,
       normalized_slice(true),
       {"C0C error at compile: p (slice_by_index): slices an input in a program with a normalization and conv; " +
        kRefused + "; pad the width, or slice elsewhere"},
       espresso,
       normalized_slice(false)},
      {"C0C",
       espresso,
       unary(kFlat, "reduce_mean(axes = c, keep_dims = k, x = x)", flat(1, 32), axes),
       {"C0C error at compile: y (reduce_mean): is no operation of this compiler; " + kRefused +
        "; use reduce_sum and mul"},
       espresso,
       unary(kFlat, "reduce_sum(axes = c, keep_dims = k, x = x)", flat(1, 32), axes)},
      {"C0C",
       espresso,
       unary(flat(4, 96), "softmax(axis = c, x = x)", flat(4, 96), axis),
       {"C0C error at compile: y (softmax): its width 96 is no power of two; " + kRefused +
        "; pad the width, or slice elsewhere"},
       "m4",
       unary(flat(4, 96), "softmax(axis = c, x = x)", flat(4, 96), axis)},
  };
}

std::string padded(int64_t width) {
  return unary(flat(4, 32), "pad(constant_val = v, mode = m, pad = p, x = x)", flat(4, width),
               constant("tensor<int32, [8]>", "p", fmt::format("[0, 0, 0, 0, 0, 0, 0, {}]", width - 32)) +
                   constant("string", "m", "\"constant\"") + constant("fp16", "v", "0"));
}

std::string relu_of(std::string_view type) { return unary(type, "relu(x = x)", type); }

std::string normalized(int64_t channels) {
  return unary(flat(channels, 32), "local_response_norm(size = c, x = x)", flat(channels, 32),
               constant("int32", "c", "3"));
}

std::string best(int64_t k) {
  return program_text(
      "tensor<fp16, [1, 4, 1, 64]> x",
      constant("int32", "k", fmt::format("{}", k)) + constant("bool", "indices", "false") +
          constant("int32", "last", "-1") + constant("bool", "up", "false") + constant("bool", "in_order", "true") +
          constant("string", "index_type", "\"int32\"") +
          fmt::format("tensor<fp16, [1, 4, 1, {}]> y = topk(ascending = up, axis = last, k = k, output_indices_dtype = "
                      "index_type, return_indices = indices, sort = in_order, x = x)[name = string(\"y\")];",
                      k),
      "y");
}

std::vector<Case> shape_cases() {
  const std::string weights = "m4 limits.subprogram_weight_bytes=32";
  const std::string fan_in = "m4 limits.fan_in=11";
  const std::string dies = "the compiler service dies";
  const std::string decompose = "the compiler refuses it, or the results are garbage; decompose it";
  return {
      {"C10",
       "m4",
       relu_of("tensor<fp16, [1, 1, 1, 1, 1, 32]>"),
       {"C10 error at compile: input x: x has rank 6, at most 5 fit; the front end refuses it (tensor rank exceeds the "
        "ANE maximum); fold axes with reshape",
        "C10 error at compile: y (relu): y has rank 6, at most 5 fit; the front end refuses it (tensor rank exceeds "
        "the ANE maximum); fold axes with reshape"},
       "m4",
       relu_of("tensor<fp16, [1, 1, 1, 1, 32]>")},
      {"C11",
       "m4",
       relu_of("tensor<fp16, [2, 4, 1, 32]>"),
       {"C11 warning at compile: input x: has a batch of 2; the program runs, but nobody has trained so; lay the batch "
        "into the last axis"},
       "m4",
       relu_of(kFlat)},
      {"C11",
       "m4",
       relu_of("tensor<fp16, [65537, 4, 1, 32]>"),
       {"C11 error at compile: input x: x has a batch of 65537, at most 65536 fit; " + kFailsAtCompile +
            "; split the batch",
        "C11 error at compile: y (relu): y has a batch of 65537, at most 65536 fit; " + kFailsAtCompile +
            "; split the batch"},
       "m4",
       relu_of("tensor<fp16, [1, 65536, 1, 32]>")},
      {"C12",
       "m3",
       relu_of(flat(4, 16385)),
       {"C12 error at compile: input x: axis 3 of x has 16385 elements, at most 16384 fit; the compile fails (exceeds "
        "max dimension); split the axis",
        "C12 error at compile: y (relu): axis 3 of y has 16385 elements, at most 16384 fit; the compile fails (exceeds "
        "max dimension); split the axis"},
       "m3",
       relu_of(flat(4, 16384))},
      {"C12",
       "m4",
       relu_of(flat(4, 65537)),
       {"C12 error at compile: input x: axis 3 of x has 65537 elements, at most 65536 fit; the compile fails (exceeds "
        "max dimension); split the axis",
        "C12 error at compile: y (relu): axis 3 of y has 65537 elements, at most 65536 fit; the compile fails (exceeds "
        "max dimension); split the axis"},
       "m4",
       relu_of(flat(4, 65536))},
      // The classifier of 32,000 channels that ran on M1 and M3.
      {"C12",
       "m1",
       relu_of(flat(65537, 32)),
       {"C12 error at compile: input x: axis 1 of x has 65537 elements, at most 65536 fit; the compile fails (exceeds "
        "max dimension); split the axis",
        "C12 error at compile: y (relu): axis 1 of y has 65537 elements, at most 65536 fit; the compile fails (exceeds "
        "max dimension); split the axis"},
       "m1",
       relu_of(flat(32000, 32))},
      {"C13",
       "m4",
       convolution(65537, 1, 1),
       {"C13 error at compile: y (conv): has 65537 output channels, at most 65536 fit; " + kFailsAtCompile +
        "; split the output channels"},
       "m4",
       convolution(65536, 1, 1)},
      {"C14",
       "m5",
       padded(9217),
       {"C14 error at compile: y (pad): pads to a width of 9217, at most 9216 fit; " + kFailsAtCompile +
        "; split the width"},
       "m5",
       padded(9216)},
      {"C15",
       "m1",
       convolution(8, 1, 14),
       {"C15 error at compile: y (conv): its kernel is 14 wide, at most 13 fit; " + kFailsAtCompile +
        "; split the kernel, or swap height and width"},
       "m1",
       convolution(8, 1, 13)},
      {"C15",
       "m4",
       convolution(8, 1, 16),
       {"C15 error at compile: y (conv): its kernel is 16 wide, at most 15 fit; " + kFailsAtCompile +
        "; split the kernel, or swap height and width"},
       "m4",
       convolution(8, 16, 15)},
      {"C16",
       "m4",
       runtime_convolution(2, 8, 1),
       {"C16 error at compile: y (conv): has a computed weight and a batch of 2; the compiler service dies; use "
        "matmul"},
       "m4",
       runtime_convolution(1, 8, 1)},
      {"C16",
       "m4",
       runtime_convolution(1, 8, 2),
       {"C16 error at compile: y (conv): has a computed weight and 2 groups; " + kRefused + "; use matmul"},
       "m4",
       convolution(8, 1, 1)},
      {"C16",
       "m4",
       runtime_convolution(1, 32000, 1),
       {"C16 error at compile: y (conv): has a computed weight and 32000 output channels, at most 31999 fit; " +
        kRefused + "; use matmul"},
       "m4",
       convolution(32000, 1, 1)},
      {"C17",
       "m4",
       relu_of("tensor<fp16, [1, ?, 1, 32]>"),
       {"C17 error at compile: input x: x has an unknown size: [1, ?, 1, 32]; " + kFailsAtCompile +
            "; give every axis a size of 1 or more",
        "C17 error at compile: y (relu): y has an unknown size: [1, ?, 1, 32]; " + kFailsAtCompile +
            "; give every axis a size of 1 or more"},
       "m4",
       relu_of("tensor<fp16, [1, 1, 1, 32]>")},
      {"C17",
       "m4",
       relu_of("tensor<fp16, [1, 0, 1, 32]>"),
       {"C17 error at compile: input x: x is empty: [1, 0, 1, 32]; " + kFailsAtCompile +
            "; give every axis a size of 1 or more",
        "C17 error at compile: y (relu): y is empty: [1, 0, 1, 32]; " + kFailsAtCompile +
            "; give every axis a size of 1 or more"},
       "m4",
       relu_of("tensor<fp16, [1, 1, 1, 32]>")},
      {"C18",
       weights,
       unary(kFlat, "conv(weight = w, x = x)", flat(5, 32), weight("w", "[5, 4, 1, 1]")),
       {"C18 error at compile: function main: has 40 bytes of weights, at most 32 fit; " + kFailsAtCompile +
        "; split the program"},
       weights,
       unary(kFlat, "conv(weight = w, x = x)", flat(4, 32), weight("w", "[4, 4, 1, 1]"))},
      {"C19",
       "m4",
       convolution_chain(401),
       {"C19 error at compile: function main: has 401 convolutions, at most 400 fit; " + dies + "; split the program"},
       "m4",
       convolution_chain(400)},
      {"C1B",
       fan_in,
       concatenation(12),
       {"C1B error at compile: y (concat): values joins 12 branches, at most 11 fit; compiling takes seconds; join "
        "fewer branches at a time"},
       fan_in,
       concatenation(11)},
      {"C1C",
       "m4+e5",
       normalized(16),
       {"C1C error at compile: y (local_response_norm): has 16 channels, at most 15 fit; " + decompose},
       "m4+e5",
       normalized(15)},
      {"C1C",
       "m4+e5",
       best(3),
       {"C1C error at compile: y (topk): k is 3, which is refused; " + decompose},
       "m4+e5",
       best(32)},
      {"C1C",
       "m4+e5",
       best(4),
       {"C1C error at compile: y (topk): k is 4, which is refused; " + decompose},
       "m4",
       best(32)},
      {"C1C",
       "m4+e5",
       attention(2049, 64, ""),
       {"C1C error at compile: y (scaled_dot_product_attention): has 2049 queries and 64 keys; at most 2048 fit, and "
        "fewer than 512 on one side; " +
        decompose},
       "m4+e5",
       attention(2048, 64, "")},
      {"C1C",
       "m4+e5",
       attention(512, 512, ""),
       {"C1C error at compile: y (scaled_dot_product_attention): has 512 queries and 512 keys; at most 2048 fit, and "
        "fewer than 512 on one side; " +
        decompose},
       "m4+e5",
       attention(511, 512, "")},
      {"C1C",
       "m4+e5",
       attention(64, 64, "[1, 2, 64, 64]"),
       {"C1C error at compile: y (scaled_dot_product_attention): its mask is [1, 2, 64, 64], expected [1, 1, 64, "
        "64]; " +
        decompose},
       "m4+e5",
       attention(64, 64, "[1, 1, 64, 64]")},
  };
}

// Weights of 2 bytes each, [outputs, 32768].
std::string heavy(int64_t inputs) {
  return unary(flat(inputs, 32), "conv(weight = w, x = x)", flat(16384, 32),
               weight("w", fmt::format("[16384, {}, 1, 1]", inputs)));
}

std::string sum(std::string_view first, std::string_view second, std::string_view type) {
  return program_text(fmt::format("{} {}, {} {}", type, first, type, second),
                      fmt::format("{} y = add(x = {}, y = {})[name = string(\"y\")];", type, first, second), "y");
}

std::string two_outputs(std::string_view first, std::string_view second) {
  return program_text(
      fmt::format("{} x", kFlat),
      fmt::format("{0} {1} = relu(x = x)[name = string(\"{1}\")];\n{0} {2} = tanh(x = x)[name = string(\"{2}\")];",
                  kFlat, first, second),
      fmt::format("{}, {}", first, second));
}

std::string slots(int64_t inputs) {
  std::string declared;
  std::string body;
  std::string before = "a000";
  for (int64_t i = 0; i < inputs; ++i) declared += fmt::format("{}{} a{:03}", i == 0 ? "" : ", ", kFlat, i);
  for (int64_t i = 1; i < inputs; ++i) {
    body += fmt::format("{0} s{1:03} = add(x = {2}, y = a{1:03})[name = string(\"s{1:03}\")];\n", kFlat, i, before);
    before = fmt::format("s{:03}", i);
  }
  return program_text(declared, body, before);
}

std::string broadcast(std::string_view vector, bool is_computed) {
  return program_text(
      fmt::format("{}tensor<fp16, [1, 4, 32]> b", is_computed ? fmt::format("tensor<fp16, {}> a, ", vector) : ""),
      (is_computed ? "" : weight("a", vector)) +
          "tensor<fp16, [1, 4, 32]> y = mul(x = b, y = a)[name = string(\"y\")];",
      "y");
}

std::string in_fp32(bool casts) {
  const std::string wide = flat(4, 32, "fp32");
  if (!casts) return relu_of(wide);
  return program_text(wide + " x",
                      constant("string", "narrow_type", "\"fp16\"") + constant("string", "wide_type", "\"fp32\"") +
                          kFlat + " h = cast(dtype = narrow_type, x = x)[name = string(\"h\")];\n" + kFlat +
                          " r = relu(x = h)[name = string(\"r\")];\n" + wide +
                          " y = cast(dtype = wide_type, x = r)[name = string(\"y\")];",
                      "y");
}

std::vector<Case> surface_cases() {
  const std::string swapped =
      "surfaces listed as declared are swapped, or refused (0x1d) where their sizes differ; choose names whose order "
      "is that of the declaration";
  return {
      {"C2A",
       "m1-ultra",
       heavy(32769),
       {"C2A error at load: program: has 1073774592 bytes of weights, at most 1073741824 fit; the load fails (code 6, "
        "0x20004); split the program"},
       "m1-ultra",
       heavy(32768)},
      {"C31",
       "m5+zeros",
       relu_of(flat(4, 31)),
       {"C31 warning silent: input x: its rows have 62 bytes, fewer than 64; every element is zero; widen the last "
        "axis",
        "C31 warning silent: output y: its rows have 62 bytes, fewer than 64; every element is zero; widen the last "
        "axis"},
       "m5+zeros",
       relu_of(flat(4, 32))},
      {"C33",
       "m4",
       sum("x", "W", kFlat),
       {"C33 warning silent: function main: its inputs are declared as x, W and bind as W, x; " + swapped},
       "m4",
       sum("W", "x", kFlat)},
      {"C33",
       "m4",
       two_outputs("dx", "dW"),
       {"C33 warning silent: function main: its outputs are declared as dx, dW and bind as dW, dx; " + swapped},
       "m4",
       two_outputs("dW", "dx")},
      {"C33",
       "m4",
       sum("x", "W", kFlat),
       {"C33 warning silent: function main: its inputs are declared as x, W and bind as W, x; " + swapped},
       "m4+declaration",
       sum("x", "W", kFlat)},
      {"C37",
       "m1",
       sum("a", "b", kFlat),
       {"C37 warning at evaluate: function main: has 2 inputs of rank 4, at most 1 work; the evaluation may fail, or "
        "give zeros; declare the inputs with rank 3"},
       "m1",
       sum("a", "b", "tensor<fp16, [1, 4, 32]>")},
      {"C38",
       "m4",
       unary(kFlat, "identity(x = x)", kFlat),
       {"C38 warning silent: y (identity): is the only output; the output is NaN; return the value itself"},
       "m4",
       unary(kFlat, "relu(x = x)", kFlat)},
      {"C38",
       "m4",
       program_text(
           fmt::format("{} x", kFlat),
           fmt::format("{0} p = relu(x = x)[name = string(\"p\")];\n{0} q = tanh(x = p)[name = string(\"q\")];", kFlat),
           "p, q"),
       {"C38 warning at compile: output p: is used by other operations too; the compile may fail (ANECCompile() "
        "FAILED); return identity of it"},
       "m4",
       program_text(fmt::format("{} x", kFlat),
                    fmt::format("{0} p = relu(x = x)[name = string(\"p\")];\n{0} o = identity(x = p)[name = "
                                "string(\"o\")];\n{0} q = tanh(x = p)[name = string(\"q\")];",
                                kFlat),
                    "o, q")},
      {"C3A",
       "m1+im",
       broadcast("[1, 4, 1]", true),
       {"C3A warning silent: y (mul): broadcasts [1, 4, 32] with [1, 4, 1]; the results are wrong; make the vector a "
        "constant"},
       "m1+im",
       broadcast("[1, 4, 1]", false)},
      {"C3A",
       "m1+im",
       broadcast("[1, 1, 1]", true),
       {"C3A warning silent: y (mul): broadcasts [1, 4, 32] with [1, 1, 1]; the results are wrong; make the vector a "
        "constant"},
       "m1",
       broadcast("[1, 1, 1]", true)},
      {"C3D",
       "m4",
       slots(128),
       {"C3D error at compile: function main: has 129 inputs and outputs, at most 128 fit; " + kFailsAtCompile +
        "; pack several tensors into one"},
       "m4",
       slots(127)},
      {"C3F",
       "m4",
       program_text("tensor<int32, [1, 4, 1, 32]> x",
                    constant("string", "c", "\"fp16\"") + kFlat + " y = cast(dtype = c, x = x)[name = string(\"y\")];",
                    "y"),
       {"C3F error at compile: input x: is tensor<int32, [1, 4, 1, 32]>, expected fp16, fp32 or bool; " +
        kFailsAtCompile + "; cast it outside of the program"},
       "m4",
       in_fp32(true)},
      {"C3F",
       "m4",
       in_fp32(false),
       {"C3F warning silent: y (relu): computes in fp32; the engine computes in fp16; cast to fp16 first"},
       "m4",
       in_fp32(true)},
  };
}

std::vector<Case> numeric_cases() {
  const std::string infinite = "values of 4096 and more become infinite; slice another axis, or scale the values down";
  const std::string half = constant("fp16", "c", "-0.5");
  const std::string pow_broken = "m4 numerics.pow_broken=true";
  const std::string root = fmt::format("{} r = sqrt(x = a)[name = string(\"r\")];\n", kFlat);
  const std::string two = fmt::format("{} a, tensor<fp16, [1, 4, 1, 1]> b", kFlat);
  return {
      {"C50",
       "m4",
       attention(64, 64, "[1, 1, 64, 64]"),
       {"C50 warning silent: y (scaled_dot_product_attention): has a mask; the mask is ignored: every query sees every "
        "key; decompose it into matmul, add and softmax"},
       "m4",
       attention(64, 64, "")},
      {"C50",
       "m4",
       attention(64, 64, "[1, 1, 64, 64]"),
       {"C50 warning silent: y (scaled_dot_product_attention): has a mask; the mask is ignored: every query sees every "
        "key; decompose it into matmul, add and softmax"},
       "m4+e5",
       attention(64, 64, "[1, 1, 64, 64]")},
      {"C51",
       "m1",
       slice(3, 1),
       {"C51 warning silent: p (slice_by_size): begins at column 1 of the last axis; " + infinite},
       "m1",
       slice(3, 0)},
      {"C51",
       "m2",
       slice_by_end(32),
       {"C51 warning silent: p (slice_by_index): begins at column 32 of the last axis; " + infinite},
       "m2",
       slice_by_end(0)},
      {"C51",
       "m2",
       slice_by_end(-32),
       {"C51 warning silent: p (slice_by_index): begins at column 32 of the last axis; " + infinite},
       "m2",
       slice(1, 32)},
      {"C51",
       "m2",
       slice(3, 32),
       {"C51 warning silent: p (slice_by_size): begins at column 32 of the last axis; " + infinite},
       "m3",
       slice(3, 32)},
      {"C53",
       pow_broken,
       unary(kFlat, "pow(x = x, y = c)", kFlat, half),
       {"C53 warning silent: y (pow): raises to a power; the results are NaN or infinite; use rsqrt, square or exp and "
        "log"},
       "m4",
       unary(kFlat, "pow(x = x, y = c)", kFlat, half)},
      {"C54",
       "m1+im",
       program_text("tensor<fp16, [1, 4, 32]> a",
                    "tensor<fp16, [1, 4, 32]> r = sqrt(x = a)[name = string(\"r\")];\ntensor<fp16, [1, 4, 32]> y = "
                    "real_div(x = r, y = a)[name = string(\"y\")];",
                    "y"),
       {"C54 warning silent: y (real_div): divides a square root; the results are wrong; use rsqrt, or pow with 0.5"},
       "m1+im",
       program_text("tensor<fp16, [1, 4, 32]> a", "tensor<fp16, [1, 4, 32]> y = sqrt(x = a)[name = string(\"y\")];",
                    "y")},
      {"C54",
       "m4 numerics.sqrt_broadcast_broken=true",
       program_text(two, root + fmt::format("{} y = mul(x = b, y = r)[name = string(\"y\")];", kFlat), "y"),
       {"C54 warning silent: y (mul): multiplies a square root, broadcasting; the results are wrong; use rsqrt, or pow "
        "with 0.5"},
       "m4",
       program_text(two, root + fmt::format("{} y = mul(x = b, y = r)[name = string(\"y\")];", kFlat), "y")},
      {"C55",
       "m5",
       unary(kFlat, "softplus(x = x)", kFlat),
       {"C55 warning silent: y (softplus): is wrong for inputs above 10.4; larger inputs give wrong results; use "
        "maximum(x, 0) + log(1 + exp(-abs(x)))"},
       "m5",
       unary(kFlat, "softsign(x = x)", kFlat)},
  };
}

void expect_broken_and_kept(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    SCOPED_TRACE(one.rule + " on " + one.broken_on);
    EXPECT_EQ(texts(check_program(parsed(one.broken), chip(one.broken_on)), one.rule), one.findings);
    EXPECT_EQ(texts(check_program(parsed(one.kept), chip(one.kept_on))), std::vector<std::string>{}) << one.kept_on;
  }
}

TEST(ProgramRules, TheTextOfAProgram) { expect_broken_and_kept(text_cases()); }
TEST(ProgramRules, TheTextUnderOptions) { expect_broken_and_kept(optional_text_cases()); }
TEST(ProgramRules, Shapes) { expect_broken_and_kept(shape_cases()); }
TEST(ProgramRules, InputsOutputsAndMemory) { expect_broken_and_kept(surface_cases()); }
TEST(ProgramRules, Numerics) { expect_broken_and_kept(numeric_cases()); }

// Every rule that a program alone can break has a program that does and one that does not.
TEST(ProgramRules, EachHasACase) {
  std::set<std::string_view> tested;
  std::vector<std::vector<Case>> all = {text_cases(), optional_text_cases(), shape_cases(), surface_cases(),
                                        numeric_cases()};
  for (const std::vector<Case>& cases : all) {
    for (const Case& one : cases) {
      EXPECT_FALSE(one.findings.empty()) << one.rule;
      for (const RuleSection& section : rule_sections()) {
        for (const Rule& rule : section.rules) {
          if (rule.id == one.rule) tested.insert(rule.id);
        }
      }
    }
  }
  // weight_rules_test.cpp has those of weights.
  for (const RuleSection& section : rule_sections()) {
    for (const Rule& rule : section.rules) {
      const bool is_of_programs = std::holds_alternative<OperationCheck>(rule.check) ||
                                  std::holds_alternative<FunctionCheck>(rule.check) ||
                                  std::holds_alternative<ProgramCheck>(rule.check);
      if (is_of_programs && rule.id.substr(0, 2) != "C4") {
        EXPECT_TRUE(tested.contains(rule.id)) << rule.id;
      }
    }
  }
}

// C05: what dead-code elimination removes may stand in a program; a name that nothing gives may not be returned.
TEST(ProgramRules, DeadOperationsMayStayButNamesThatNothingGivesAreNotReturned) {
  const std::string body =
      fmt::format("{0} d = tanh(x = x)[name = string(\"d\")];\n{0} y = relu(x = x)[name = string(\"y\")];", kFlat);
  const std::string input = fmt::format("{} x", kFlat);
  EXPECT_EQ(texts(check_program(parsed(program_text(input, body, "y")), chip("m4"))), std::vector<std::string>{});
  const mil::ParseResult gone = mil::parse(program_text(input, body, "e"));
  std::vector<mil::Diagnostic> diagnostics = gone.diagnostics;
  if (gone.program) diagnostics = mil::verify_all(*gone.program);
  EXPECT_EQ(diagnostics.size(), 1u);
}

// C04 is the language's: one of the two values could not be named.
TEST(ProgramRules, DuplicateNamesAreErrorsOfTheText) {
  const mil::ParseResult result = mil::parse(program_text(
      fmt::format("{} x", kFlat),
      fmt::format("{0} y = relu(x = x)[name = string(\"a\")];\n{0} y = tanh(x = x)[name = string(\"b\")];", kFlat),
      "y"));
  std::vector<mil::Diagnostic> diagnostics = result.diagnostics;
  if (result.program) diagnostics = mil::verify_all(*result.program);
  EXPECT_EQ(diagnostics.size(), 1u);
}

// C09: what no chip compiles on either route.
TEST(ProgramRules, WhatNoEngineHasIsInNoList) {
  for (const std::string& name : profile_names()) {
    const ChipProfile profile = chip(name);
    for (const char* kind : {"mod",
                             "tan",
                             "asin",
                             "acos",
                             "sinh",
                             "cosh",
                             "atanh",
                             "logical_and",
                             "logical_or",
                             "logical_xor",
                             "reduce_prod",
                             "reduce_argmax",
                             "reduce_argmin",
                             "cumsum",
                             "gather",
                             "gather_nd",
                             "gather_along_axis",
                             "scatter",
                             "scatter_nd",
                             "scatter_along_axis",
                             "one_hot",
                             "non_zero",
                             "shape",
                             "band_part",
                             "lstm",
                             "gru",
                             "rnn",
                             "while_loop",
                             "cond",
                             "make_list",
                             "read_state",
                             "write_state",
                             "random_normal",
                             "random_uniform",
                             "random_bernoulli",
                             "random_categorical",
                             "slice_update",
                             "sliding_windows",
                             "reverse_sequence"}) {
      EXPECT_THAT(*profile.limits.operations, ::testing::Not(::testing::Contains(kind))) << name;
      EXPECT_THAT(*profile.limits.e5_operations, ::testing::Not(::testing::Contains(kind))) << name;
    }
  }
}

}  // namespace
}  // namespace millwright::ane
