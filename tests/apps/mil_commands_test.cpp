// `millwright mil`: programs in every form through the commands, as users call them.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "apps/command.h"
#include "source_dir.h"

namespace millwright::app {
namespace {

using Json = nlohmann::json;

constexpr const char* kGood =
    "program(1.3)\n"
    "{\n"
    "    func main<ios18>(tensor<fp32, [2, 3]> x) {\n"
    "            tensor<fp32, [2, 3]> y = exp(x = x)[name = string(\"y\")];\n"
    "        } -> (y);\n"
    "}";
constexpr const char* kWrong =
    "program(1.3)\n"
    "{\n"
    "    func main<ios18>(tensor<fp32, [2, 3]> x) {\n"
    "            tensor<fp32, [9, 3]> y = exp(x = x);\n"
    "            tensor<fp16, [2, 3]> z = exp(x = x);\n"
    "        } -> (y, z);\n"
    "}";

std::string containers(const std::string& name) {
  return std::string(kSourceDirectory) + "/tests/mil/containers/" + name;
}
std::string weights_of(const std::string& package) { return package + "/Data/com.apple.CoreML/weights/weight.bin"; }

// The text of foreign.mlpackage; programs are printed as Apple's compiler does, without a line break at the end.
std::string foreign_text() {
  const std::string text = read_whole_file(containers("foreign.mil"));
  return text.substr(0, text.find_last_not_of('\n') + 1);
}

TEST(MilCheck, AcceptsAProgramSilently) {
  const TemporaryFolder folder;
  const Outcome outcome = run({"mil", "check", folder.write("a.mil", kGood), folder.write("b.mil", kGood)});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST(MilCheck, WarnsOfOperationsNewerThanTheOpset) {
  const TemporaryFolder folder;
  const std::string path = folder.write("a.mil",
                                        "program(1.3)\n{\nfunc main<ios15>(tensor<fp32, [4, 4, 4, 4]> x) {\n"
                                        "tensor<fp32, [4, 1, 8, 8]> y = pixel_shuffle(upscale_factor = 2, x = x);\n"
                                        "tensor<fp32, [4, 4, 4, 4]> z = pixel_unshuffle(downscale_factor = 2, x = y);\n"
                                        "} -> (z);\n}");
  const std::string warning =
      "line 5, z (pixel_unshuffle): pixel_unshuffle came with ios16, and the function is written in ios15";
  const Outcome outcome = run({"mil", "check", path});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, path + ":5:1: warning: " + warning + "\n");
  const Outcome strict = run({"mil", "check", "--strict", path});
  EXPECT_EQ(strict.exit_code, 2);
  EXPECT_EQ(strict.out, path + ":5:1: " + warning + "\n");
  const Json json = Json::parse(run({"mil", "check", "--json", path}).out);
  EXPECT_EQ(json.at(0).at("ok"), true);
  EXPECT_EQ(json.at(0).at("warnings").at(0).at("message"), warning);
}

TEST(MilCheck, ReportsEveryErrorWithItsPlace) {
  const TemporaryFolder folder;
  const std::string wrong = folder.write("wrong.mil", kWrong);
  const Outcome outcome = run({"mil", "check", folder.write("a.mil", kGood), wrong});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, wrong +
                             ":4:13: line 4, y (exp): y is declared as tensor<fp32, [9, 3]>, but its operands give "
                             "tensor<fp32, [2, 3]>\n" +
                             wrong +
                             ":5:13: line 5, z (exp): z is declared as tensor<fp16, [2, 3]>, but its operands give "
                             "tensor<fp32, [2, 3]>\n");
  EXPECT_EQ(outcome.err, "millwright mil check: 2 errors in 1 of 2 programs\n");
}

TEST(MilCheck, GoesOnBehindAFileThatIsMissing) {
  const TemporaryFolder folder;
  const std::string missing = (folder / "missing.mil").string();
  const Outcome alone = run({"mil", "check", missing});
  EXPECT_EQ(alone.exit_code, 1);
  EXPECT_EQ(alone.out, "cannot open " + missing + ": No such file or directory; check the path\n");
  const Outcome both = run({"mil", "check", missing, folder.write("wrong.mil", kWrong)});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_EQ(both.err, "millwright mil check: 3 errors in 2 of 2 programs\n");
}

TEST(MilCheck, KeepsTheOrderOfManyFiles) {
  const TemporaryFolder folder;
  Arguments words = {"mil", "check", "--json"};
  for (int i = 0; i < 100; ++i) {
    words.push_back(folder.write(std::to_string(i) + ".mil", i % 10 == 3 ? kWrong : kGood));
  }
  const Outcome outcome = run(words);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err, "millwright mil check: 20 errors in 10 of 100 programs\n");
  const Json json = Json::parse(outcome.out);
  ASSERT_EQ(json.size(), 100u);
  for (size_t i = 0; i < json.size(); ++i) {
    EXPECT_EQ(json.at(i).at("file"), words[i + 3]);
    EXPECT_EQ(json.at(i).at("ok"), i % 10 != 3);
  }
  expect_refused({"mil", "check", "-", "-"}, 2,
                 "millwright mil check: standard input can be one of the programs; name files for the others");
}

TEST(MilCheck, PrintsJson) {
  const TemporaryFolder folder;
  const Outcome outcome = run({"mil", "check", "--json", folder.write("wrong.mil", kWrong)});
  EXPECT_EQ(outcome.exit_code, 2);
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json.at(0).at("ok"), false);
  EXPECT_EQ(json.at(0).at("errors").size(), 2u);
  EXPECT_EQ(json.at(0).at("errors").at(1).at("line"), 5);
  EXPECT_EQ(json.at(0).at("errors").at(1).at("column"), 13);
}

TEST(MilCheck, NeedsTheWeightsUnlessToldNotTo) {
  const TemporaryFolder folder;
  const std::string text =
      "program(1.3)\n{\n func main<ios18>(tensor<fp16, [10]> x) {\n"
      "  tensor<fp16, [10]> w = const()[name = string(\"w\"), val = tensor<fp16, [10]>(BLOBFILE(path = "
      "string(\"@model_path/weight.bin\"), offset = uint64(64)))];\n"
      "  tensor<fp16, [10]> y = add(x = x, y = w);\n } -> (y);\n}\n";
  const std::string path = folder.write("a.mil", text);
  const Outcome missing = run({"mil", "check", path});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_EQ(missing.out, path + ": line 4, w (const): cannot open " + (folder / "weight.bin").string() +
                             ": No such file or directory; check the path\n");
  EXPECT_EQ(run({"mil", "check", "--ignore-weights", path}).exit_code, 0);
  const std::string weights = std::filesystem::path(weights_of(containers("foreign.mlpackage"))).parent_path();
  EXPECT_EQ(run({"mil", "check", "--weights", weights, path}).exit_code, 0);
}

TEST(MilPrint, PrintsAPackageAsItsText) {
  const Outcome outcome = run({"mil", "print", containers("foreign.mlpackage")});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, foreign_text());
}

TEST(MilPrint, ReadsTextAndMessagesFromStandardInput) {
  const TemporaryFolder folder;
  EXPECT_EQ(run_shell("\"$0\" mil print - < \"$1\"", {folder.write("a.mil", kGood)}).out, kGood);
  const std::string model = containers("foreign.mlpackage") + "/Data/com.apple.CoreML/model.mlmodel";
  EXPECT_EQ(run_shell("\"$0\" mil print - < \"$1\"", {model}).out, foreign_text());
}

TEST(MilPrint, NamesConstantsInTheEngineStyle) {
  const TemporaryFolder folder;
  const Outcome outcome = run({"mil", "print", "--style", "engine", folder.write("a.mil", kGood)});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.out.find("buildInfo"), std::string::npos) << outcome.out;
}

TEST(MilPrint, InlinesAndStripsWeights) {
  const std::string package = containers("foreign.mlpackage");
  EXPECT_NE(run({"mil", "print", "--inline-weights", package}).out.find("([[0x0p+0, 0x1p+0, 0x1p+1"),
            std::string::npos);
  const Json json = Json::parse(run({"mil", "print", "--strip-weights", "--json", package}).out);
  EXPECT_EQ(json.at("stripped"), 0);
  EXPECT_EQ(json.at("text"), foreign_text());
}

TEST(MilPrint, RefusesWrongOptionsAndPrograms) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.mil", kGood);
  expect_refused({"mil", "print", "--style", "x", good}, 2,
                 "millwright mil print: --style: expected apple or engine, found \"x\"");
  expect_refused({"mil", "print", "--strip-weights", "--inline-weights", good}, 2,
                 "millwright mil print: --strip-weights and --inline-weights exclude each other; leave one out");
  const std::string broken = folder.write("b.mil", "program(1.3) {");
  const Outcome outcome = run({"mil", "print", broken});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err.rfind("millwright mil print: " + broken + ":1:", 0), 0u) << outcome.err;
}

TEST(MilStats, CountsEachFunction) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.mil", kGood);
  const Json json = Json::parse(run({"mil", "stats", "--json", good}).out);
  const Json& main = json.at("functions").at(0);
  EXPECT_EQ(main.at("function"), "main");
  EXPECT_EQ(main.at("operations"), 1);
  EXPECT_EQ(main.at("flops"), 6);
  EXPECT_EQ(main.at("bytes"), 48);
  EXPECT_EQ(main.at("peak_bytes"), 48);
  EXPECT_EQ(main.at("kinds").at(0).at("kind"), "exp");
  const Outcome text = run({"mil", "stats", good});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_NE(text.out.find("\n  exp                                     1              6             48\n"),
            std::string::npos)
      << text.out;
}

TEST(MilBlob, ListsAndVerifiesRecords) {
  const std::string blob = weights_of(containers("foreign.mlpackage"));
  EXPECT_EQ(run({"mil", "blob", "list", blob}).out,
            "      offset  type             count         bytes\n"
            "          64  fp16                10            20\n");
  const Json json = Json::parse(run_shell("\"$0\" mil blob verify --json - < \"$1\"", {blob}).out);
  EXPECT_EQ(json.at("records"), 1);
  EXPECT_EQ(json.at("payload_bytes"), 20);
}

TEST(MilBlob, ExtractsARecordInBothForms) {
  const TemporaryFolder folder;
  const std::string blob = weights_of(containers("foreign.mlpackage"));
  const std::string raw = (folder / "w.bin").string();
  const std::string array = (folder / "w.npy").string();
  EXPECT_EQ(run({"mil", "blob", "extract", blob, "--offset", "64", "--raw", "--out", raw}).exit_code, 0);
  EXPECT_EQ(run({"mil", "blob", "extract", blob, "--offset", "64", "--out", array}).exit_code, 0);
  const std::string payload = read_whole_file(blob).substr(128, 20);
  EXPECT_EQ(read_whole_file(raw), payload);
  const std::string npy = read_whole_file(array);
  EXPECT_EQ(npy.rfind("{'descr': '<f2', 'fortran_order': False, 'shape': (10,), }", 10), 10u);
  EXPECT_EQ(npy.substr(128), payload);
}

TEST(MilBlob, RefusesATruncatedFile) {
  const TemporaryFolder folder;
  const std::string whole = read_whole_file(weights_of(containers("foreign.mlpackage")));
  for (const size_t length : {size_t{0}, size_t{63}, size_t{100}, size_t{140}}) {
    const Outcome outcome = run({"mil", "blob", "verify", folder.write("cut.bin", whole.substr(0, length))});
    EXPECT_EQ(outcome.exit_code, 2) << length;
    EXPECT_EQ(outcome.out, "");
  }
}

TEST(MilConvert, LeadsBackToTheSameText) {
  const TemporaryFolder folder;
  const std::string compiled = (folder / "a.mlmodelc").string();
  const std::string package = (folder / "b.mlpackage/").string();
  const std::string text = (folder / "c.mil").string();
  EXPECT_EQ(run({"mil", "convert", containers("foreign.mlpackage"), compiled}).exit_code, 0);
  EXPECT_EQ(run({"mil", "convert", compiled, package}).exit_code, 0);
  const Outcome last = run({"mil", "convert", "--json", package, text});
  EXPECT_EQ(last.exit_code, 0);
  EXPECT_EQ(Json::parse(last.out).at("form"), "text");
  EXPECT_EQ(read_whole_file(text), foreign_text());
  EXPECT_EQ(read_whole_file(compiled + "/weights/weight.bin"), read_whole_file(weights_of(package)));
}

TEST(MilConvert, OverwritesNothing) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.mil", kGood);
  const std::string there = folder.write("b.mil", "mine");
  expect_refused({"mil", "convert", good, there}, 1,
                 "millwright mil convert: cannot write " + there +
                     ": something of this name exists; remove it or choose another name");
  EXPECT_EQ(read_whole_file(there), "mine");
  const std::string other = (folder / "c.onnx").string();
  expect_refused({"mil", "convert", good, other}, 2,
                 "millwright mil convert: " + other + ": expected a name that ends in .mlpackage, .mlmodelc or .mil");
}

// An .npy file of 32-bit floats, spelled out from NumPy's description of the format.
std::string npy(const std::string& shape, const std::vector<float>& numbers) {
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + ", }";
  header.append(117 - header.size(), ' ');
  std::string bytes("\x93NUMPY\x01\x00\x76\x00", 10);
  bytes += header + "\n";
  bytes.append(reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float));
  return bytes;
}

constexpr const char* kAdd =
    "program(1.3)\n{\n func main<ios18>(tensor<fp32, [2]> a, tensor<fp32, [2]> b) {\n"
    "  tensor<fp32, [2]> y = add(x = a, y = b);\n } -> (y);\n}\n";

TEST(MilRun, TakesAndGivesArrays) {
  const TemporaryFolder folder;
  const std::string a = folder.write("a.npy", npy("(2,)", {1, 2}));
  const std::string b = folder.write("b.npy", npy("(2,)", {0.5, -4}));
  const std::string out = (folder / "out").string();
  const Outcome outcome = run({"mil", "run", "--input", "a=" + a, "--input", "b=" + b, "--out", out, "--runs", "2",
                               "--json", folder.write("add.mil", kAdd)});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(read_whole_file(out + "/y.npy"), npy("(2,)", {1.5, -2}));
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json.at("results").at("y"), "tensor<fp32, [2]>");
  EXPECT_EQ(json.at("runs"), 2);
  EXPECT_GT(json.at("best_seconds").get<double>(), 0);
  EXPECT_LE(json.at("best_seconds").get<double>(), json.at("mean_seconds").get<double>());
}

TEST(MilRun, BeginsStatesWithZerosOrAnArrayAndWritesWhatIsLeft) {
  const TemporaryFolder folder;
  const std::string program =
      folder.write("state.mil",
                   "program(1.3)\n{\n func main<ios18>(state<tensor<fp32, [2]>> s, tensor<fp32, [2]> a) {\n"
                   "  tensor<fp32, [2]> old = read_state(input = s);\n"
                   "  tensor<fp32, [2]> y = add(x = old, y = a);\n"
                   "  write_state(data = y, input = s);\n } -> (y);\n}\n");
  const std::string a = "a=" + folder.write("a.npy", npy("(2,)", {1, 2})).string();
  const std::string s = "s=" + folder.write("s.npy", npy("(2,)", {10, 20})).string();
  const std::string out = (folder / "out").string();
  const Outcome zeros = run({"mil", "run", program, "--input", a, "--out", out, "--runs", "3", "--json"});
  EXPECT_EQ(zeros.exit_code, 0) << zeros.err;
  EXPECT_EQ(read_whole_file(out + "/s.npy"), npy("(2,)", {1, 2}));
  EXPECT_EQ(read_whole_file(out + "/y.npy"), npy("(2,)", {1, 2}));
  EXPECT_EQ(Json::parse(zeros.out).at("states").at("s"), "tensor<fp32, [2]>");
  const std::string left = "s=" + folder.write("left.npy", npy("(2,)", {11, 22})).string();
  EXPECT_EQ(run({"mil", "run", program, "--input", a, "--input", s, "--compare", left}).exit_code, 0);
  EXPECT_EQ(run({"mil", "run", program, "--input", a, "--compare", left}).exit_code, 2);
}

TEST(MilRun, DrawsInputsFromTheSeed) {
  const TemporaryFolder folder;
  const std::string program = folder.write("add.mil", kAdd);
  std::vector<std::string> results;
  for (const std::string seed : {"1", "1", "2"}) {
    const std::string out = (folder / ("out" + std::to_string(results.size()))).string();
    EXPECT_EQ(run({"mil", "run", program, "--seed", seed, "--out", out}).exit_code, 0);
    results.push_back(read_whole_file(out + "/y.npy"));
  }
  EXPECT_EQ(results[0].size(), 136u);
  EXPECT_EQ(results[0], results[1]);
  EXPECT_NE(results[0], results[2]);
}

TEST(MilRun, ComparesResultsWithinATolerance) {
  const TemporaryFolder folder;
  const std::string program = folder.write("add.mil", kAdd);
  const std::string a = "a=" + folder.write("a.npy", npy("(2,)", {1, 2})).string();
  const std::string b = "b=" + folder.write("b.npy", npy("(2,)", {0.5, -4})).string();
  const std::string y = "y=" + folder.write("y.npy", npy("(2,)", {1.5, -2.5})).string();
  const Arguments words = {"mil", "run", program, "--input", a, "--input", b, "--compare", y, "--tolerance"};
  Arguments loose = words;
  loose.emplace_back("0.3");
  EXPECT_EQ(run(loose).exit_code, 0);
  Arguments strict = words;
  strict.emplace_back("0.1");
  const Outcome outcome = run(strict);
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err,
            "millwright mil run: y: element 1 is -2, expected -2.5: a deviation of 0.2, with a tolerance of 0.1\n");
}

TEST(MilRun, SaysWhichInputsAndFunctionsThereAre) {
  const TemporaryFolder folder;
  const std::string program = folder.write("add.mil", kAdd);
  expect_refused({"mil", "run", program, "--input", "c=c.npy"}, 2,
                 "millwright mil run: --input: the function has no c; it has a, b");
  expect_refused({"mil", "run", program, "--input", "c.npy"}, 2,
                 "millwright mil run: --input: expected NAME=FILE, found \"c.npy\"");
  expect_refused({"mil", "run", program, "--function", "other"}, 2,
                 "millwright mil run: --function: the program has no function other; it has main");
  const std::string wrong = folder.write("w.npy", npy("(3,)", {1, 2, 3}));
  expect_refused({"mil", "run", program, "--input", "a=" + wrong}, 2,
                 "millwright mil run: input a: expected tensor<fp32, [2]>, found the shape [3] of its array");
  expect_refused({"mil", "run", program, "--tolerance", "nan"}, 2,
                 "millwright mil run: --tolerance: expected 0 or more, found nan");
}

TEST(MilRun, PrintsNamesAsTheProgramHasThem) {
  const TemporaryFolder folder;
  const std::string program =
      folder.write("names.mil",
                   "program(1.3)\n{\n func main<ios17>(tensor<fp32, [2]> k_cache) {\n"
                   "  tensor<fp32, [2]> next_cache = exp(x = k_cache);\n } -> (next_cache);\n}\n");
  const Outcome printed = run({"mil", "run", program});
  EXPECT_EQ(printed.exit_code, 0) << printed.err;
  EXPECT_NE(printed.out.find("  k_cache  tensor<fp32, [2]>\n"), std::string::npos) << printed.out;
  EXPECT_NE(printed.out.find("  next_cache  tensor<fp32, [2]>\n"), std::string::npos) << printed.out;
  EXPECT_NE(printed.out.find("compile seconds"), std::string::npos) << printed.out;
}

TEST(MilRun, RefusesWhatNoMachineHasTheMemoryFor) {
  const TemporaryFolder folder;
  const std::string program = folder.write(
      "huge.mil",
      "program(1.3)\n{\n func main<ios17>(tensor<fp32, [1, 2000000]> x) {\n"
      "  tensor<fp32, [2000000000, 2000000]> y = tile(reps = tensor<int32, [2]>([2000000000, 1]), x = x);\n"
      " } -> (y);\n}\n");
  const Outcome refused = run({"mil", "run", program});
  EXPECT_EQ(refused.exit_code, 2);
  // x and y, twice.
  EXPECT_EQ(refused.err.find("millwright mil run: main: its inputs and results take 32000000.0 GB, more than the "), 0)
      << refused.err;
}

TEST(MilRun, SaysThatAProgramWithoutFunctionsIsEmpty) {
  const TemporaryFolder folder;
  expect_refused({"mil", "run", folder.write("empty.mil", "program(1.3)\n{\n}\n")}, 2,
                 "millwright mil run: the program has no functions, so there is nothing to run");
}

// [rows, 3] becomes one vector; its length comes from the shape of x.
std::string flattening(const std::string& attributes) {
  return "program(1.3)\n{\n func main<ios17>(tensor<fp32, [?, 3]> x) " + attributes +
         " {\n"
         "  tensor<int32, [2]> s = shape(x = x);\n"
         "  tensor<int32, [1]> count = reduce_prod(axes = tensor<int32, [1]>([0]), keep_dims = bool(true), x = s);\n"
         "  tensor<fp32, [?]> y = reshape(shape = count, x = x);\n } -> (y);\n}\n";
}

TEST(MilRun, TakesOpenSizesFromArraysOptionsAndDefaults) {
  const TemporaryFolder folder;
  const std::string open = folder.write("open.mil", flattening(""));
  const std::string x = "x=" + folder.write("x.npy", npy("(2, 3)", {1, 2, 3, 4, 5, 6})).string();
  const std::string y = "y=" + folder.write("y.npy", npy("(6,)", {1, 2, 3, 4, 5, 6})).string();
  const Outcome given = run({"mil", "run", open, "--input", x, "--compare", y, "--json"});
  EXPECT_EQ(given.exit_code, 0) << given.err;
  EXPECT_EQ(Json::parse(given.out).at("inputs").at("x"), "tensor<fp32, [2, 3]>");
  const Json shaped = Json::parse(run({"mil", "run", open, "--shape", "x=5,3", "--json"}).out);
  EXPECT_EQ(shaped.at("results").at("y"), "tensor<fp32, [15]>");
  const std::string with_default = folder.write(
      "default.mil", flattening("[FlexibleShapeInformation = tuple<tuple<string, dict<string, tensor<int32, [?]>>>>((("
                                "\"DefaultShapes\", {{\"x\", [4, 3]}})))]"));
  EXPECT_EQ(Json::parse(run({"mil", "run", with_default, "--json"}).out).at("results").at("y"), "tensor<fp32, [12]>");
  expect_refused({"mil", "run", open}, 2,
                 "millwright mil run: input x: tensor<fp32, [?, 3]> leaves sizes open, and the program has no default "
                 "for them; say --shape x=SIZE,... or --input x=FILE");
  expect_refused({"mil", "run", open, "--shape", "x=5,4"}, 2,
                 "millwright mil run: input x: expected tensor<fp32, [?, 3]>, found the shape [5, 4] of --shape");
  expect_refused(
      {"mil", "run", open, "--shape", "x=1,3", "--input", x}, 2,
      "millwright mil run: input x: --shape says [1, 3], but the array of --input has [2, 3]; leave one out");
  for (const std::string word : {"x", "x=", "x=1,", "x=,1", "x=1x3", "x=-1,3", "x=99999999999"}) {
    expect_refused(
        {"mil", "run", open, "--shape", word}, 2,
        "millwright mil run: --shape: expected NAME=SIZE,SIZE,... such as x=1,3,224,224, found \"" + word + "\"");
  }
  const std::string bounded = folder.write(
      "bounded.mil",
      flattening("[FlexibleShapeInformation = tuple<tuple<string, dict<string, list<tensor<int32, [2]>, ?>>>>((("
                 "\"RangeDims\", {{\"x\", [[2, 8], [3, 3]]}})))]"));
  EXPECT_EQ(run({"mil", "run", bounded, "--shape", "x=8,3"}).exit_code, 0);
  expect_refused({"mil", "run", bounded, "--shape", "x=9,3"}, 2,
                 "millwright mil run: input x: --shape: the program allows 2 to 8 along axis 0, found 9");
  expect_refused({"mil", "run", open, "--shape", "z=1"}, 2,
                 "millwright mil run: --shape: the function has no z; it has x");
  expect_refused({"mil", "run", open, "--shape", "x=1,3", "--shape", "x=2,3"}, 2,
                 "millwright mil run: --shape: x is given twice");
}

TEST(MilRun, RunsOnTheReferenceInterpreterWhereToldTo) {
  const TemporaryFolder folder;
  const std::string program = folder.write("a.mil",
                                           "program(1.3)\n{\n func main<ios17>(tensor<fp32, [?]> x) {\n"
                                           "  tensor<int32, [?, 1]> where = non_zero(x = x);\n } -> (where);\n}\n");
  const std::string x = "x=" + folder.write("x.npy", npy("(4,)", {0, 2, 0, 3})).string();
  expect_refused(
      {"mil", "run", program, "--input", x, "--device", "emulated"}, 2,
      "millwright mil run: line 4, where (non_zero): the size of its result tensor<int32, [?, 1]> is known at "
      "run time only; the engine needs all sizes before it runs: try --device cpu");
  const std::string where = "where=" + folder.write("where.npy", npy("(2, 1)", {1, 3})).string();
  const Outcome outcome =
      run({"mil", "run", program, "--input", x, "--device", "reference", "--compare", where, "--json"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  const Json json = Json::parse(outcome.out);
  EXPECT_EQ(json.at("device"), "reference");
  EXPECT_EQ(json.at("results").at("where"), "tensor<int32, [2, 1]>");
  EXPECT_FALSE(json.contains("arena_bytes"));
  const Outcome on_cpu = run({"mil", "run", program, "--input", x, "--compare", where, "--json"});
  EXPECT_EQ(on_cpu.exit_code, 0) << on_cpu.err;
  EXPECT_EQ(Json::parse(on_cpu.out).at("results").at("where"), "tensor<int32, [2, 1]>");
  EXPECT_EQ(Json::parse(on_cpu.out).at("run_time_sizes"), 1);
  expect_refused({"mil", "run", program, "--device", "engine"}, 2,
                 "millwright mil run: --device: expected cpu, emulated or reference, found \"engine\"");
}

TEST(MilRun, GivesTheProbabilitiesOfAClassifier) {
  const TemporaryFolder folder;
  const std::string program =
      folder.write("a.mil",
                   "program(1.3)\n{\n func main<ios15>(tensor<fp32, [2]> x) {\n"
                   "  tensor<fp32, [2]> p = softmax(axis = int32(0), x = x);\n"
                   "  tensor<string, [2]> c = const()[val = tensor<string, [2]>([\"cat\", \"dog\"])];\n"
                   "  string label, dict<string, fp32> all = classify(classes = c, probabilities = p);\n"
                   " } -> (label, all);\n}\n");
  const Outcome outcome = run({"mil", "run", program, "--json"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err,
            "result label: labels are not computed; the probabilities are a result instead\n"
            "result all: labels are not computed; the probabilities are a result instead\n");
  EXPECT_EQ(Json::parse(outcome.out).at("results"), (Json{{"p", "tensor<fp32, [2]>"}}));
}

// y = x + x in fp16, on the engine of an M4 and of an M1.
TEST(MilRun, RunsOnAnEmulatedEngineWithWhatItWouldTake) {
  const TemporaryFolder folder;
  const std::string program = folder.write("a.mil",
                                           "program(1.3)\n{\n func main<ios18>(tensor<fp16, [1, 2, 1, 4]> x) {\n"
                                           "  tensor<fp16, [1, 2, 1, 4]> y = add(x = x, y = x);\n } -> (y);\n}\n");
  const std::string y = "y=" + folder.write("y.npy", npy("(1, 2, 1, 4)", {2, 4, 6, 8, 10, 12, 14, 16})).string();
  const std::string x = "x=" + folder.write("x.npy", npy("(1, 2, 1, 4)", {1, 2, 3, 4, 5, 6, 7, 8})).string();
  for (const std::string numerics : {"fast", "faithful"}) {
    const Outcome outcome = run({"mil", "run", program, "--device", "emulated", "--chip", "m1", "--numerics", numerics,
                                 "--input", x, "--compare", y, "--runs", "2", "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const Json json = Json::parse(outcome.out);
    EXPECT_EQ(json.at("chip"), "m1");
    EXPECT_EQ(json.at("compared").at("y").at("deviation"), 0);
    EXPECT_GT(json.at("predicted").at("seconds"), 0);
    EXPECT_GT(json.at("predicted").at("joules"), 0);
  }
  expect_refused({"mil", "run", program, "--chip", "m1"}, 2,
                 "millwright mil run: --chip, --profile, --numerics and --strict are for --device emulated");
  expect_refused({"mil", "run", program, "--device", "emulated", "--numerics", "exact"}, 2,
                 "millwright mil run: unknown numerics \"exact\"; expected fast or faithful");
}

// A record that says fp32 over the bytes of two halves, 1 and 2 (C41).
TEST(MilRun, LetsTheEmulatedEngineReadWeightFilesItsOwnWay) {
  const TemporaryFolder folder;
  std::string weights(192, '\0');
  const std::string record = {"\xEF\xBE\xAD\xDE\x02\0\0\0\x04\0\0\0\0\0\0\0\x80", 17};
  weights.replace(0, 5, std::string("\x01\0\0\0\x02", 5));
  weights.replace(64, record.size(), record);
  weights.replace(128, 4, std::string("\0\x3C\0\x40", 4));
  folder.write("w.bin", weights);
  const std::string program = folder.write(
      "a.mil",
      "program(1.3)\n{\n func main<ios18>(tensor<fp16, [1, 2, 1, 32]> x) {\n"
      "  tensor<fp16, [1, 2, 1, 1]> w = const()[name = string(\"w\"), val = tensor<fp16, [1, 2, 1, 1]>(BLOBFILE(path = "
      "string(\"@model_path/w.bin\"), offset = uint64(64)))];\n"
      "  tensor<fp16, [1, 2, 1, 32]> y = mul(x = x, y = w)[name = string(\"y\")];\n } -> (y);\n}\n");
  const std::string problem = "w (const): the record has element code 2, fp16 has 1; ";
  expect_refused({"mil", "run", program, "--device", "emulated"}, 2,
                 "millwright mil run: program main: compile failed on m4: C41 error at compile: " + problem +
                     "the compiler refuses the file (InvalidMILProgram); write the file again with mil convert");
  const Outcome outcome = run({"mil", "run", program, "--device", "emulated", "--chip", "m4+macos26"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "millwright mil run: C41 warning silent: " + problem +
                             "the weights are garbage; write the file again with mil convert\n");
  std::filesystem::remove(folder.path() / "w.bin");
  expect_refused({"mil", "run", program, "--device", "emulated"}, 1,
                 "millwright mil run: cannot open " + (folder.path() / "w.bin").string() +
                     ": No such file or directory; check the path");
}

TEST(MilRun, ConvertsArraysWithALineAndRefusesWhatWouldBeLost) {
  const TemporaryFolder folder;
  const std::string program = folder.write(
      "a.mil",
      "program(1.3)\n{\n func main<ios17>(tensor<fp16, [2]> a, tensor<int32, [2]> b) {\n"
      "  tensor<fp16, [2]> y = exp(x = a);\n tensor<int32, [2]> z = add(x = b, y = b);\n } -> (y, z);\n}\n");
  const std::string third = folder.write("third.npy", npy("(2,)", {1.0F / 3, 1}));
  const std::string whole = folder.write("whole.npy", npy("(2,)", {3, 4}));
  const std::string z = "z=" + folder.write("z.npy", npy("(2,)", {6, 8})).string();
  const Outcome outcome =
      run({"mil", "run", program, "--input", "a=" + third, "--input", "b=" + whole, "--compare", z});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "input a: rounded from fp32 to fp16\ninput b: converted from fp32 to int32\n");
  expect_refused({"mil", "run", program, "--input", "b=" + third}, 2,
                 "millwright mil run: input b: element 0 is 0.3333333432674408, which int32 cannot hold");
}

TEST(MilRun, DrawsIndicesWithinWhatTheyChooseFrom) {
  const TemporaryFolder folder;
  const std::string program =
      folder.write("a.mil",
                   "program(1.3)\n{\n func main<ios17>(tensor<int32, [64]> ids) {\n"
                   "  tensor<int32, [5]> table = const()[val = tensor<int32, [5]>([0, 1, 2, 3, 4])];\n"
                   "  tensor<int32, [64]> y = gather(axis = int32(0), indices = ids, x = table);\n"
                   "  int32 most = reduce_max(axes = tensor<int32, [1]>([0]), keep_dims = bool(false), x = y);\n"
                   " } -> (most);\n}\n");
  const std::string most = "most=" + folder.write("most.npy", npy("()", {4})).string();
  const Outcome outcome = run({"mil", "run", program, "--compare", most, "--tolerance", "0"});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
}

TEST(MilRun, NamesWhatTheExecutorCannotRun) {
  const Outcome outcome = run({"mil", "run", containers("foreign.mlpackage")});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("unknown operation any"), std::string::npos) << outcome.err;
}

TEST(MilDiff, SaysThatProgramsAreEqualWhateverTheirNames) {
  const TemporaryFolder folder;
  const std::string a = folder.write("a.mil", kGood);
  std::string renamed = kGood;
  for (size_t at = renamed.find(" y"); at != std::string::npos; at = renamed.find(" y", at + 1)) {
    renamed.replace(at, 2, " result");
  }
  renamed.replace(renamed.find("(y)"), 3, "(result)");
  const std::string b = folder.write("b.mil", renamed);
  const Outcome outcome = run({"mil", "diff", a, b});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, a + " and " + b + " are equal, names aside\n");
  EXPECT_EQ(outcome.err, "");
  const Json json = Json::parse(run({"mil", "diff", "--json", a, b}).out);
  EXPECT_EQ(json.at("equal"), true);
  EXPECT_EQ(json.at("differences"), Json::array());
}

TEST(MilDiff, ListsDifferencesAndEndsWithTheirNumber) {
  const TemporaryFolder folder;
  const std::string a = folder.write("a.mil", kGood);
  const std::string b = folder.write("b.mil", kWrong);
  const Outcome outcome = run({"mil", "diff", a, b});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.out,
            "~ function main\n"
            "    result 1: none -> z (exp, line 5)\n"
            "in function main:\n"
            "~ line 4, y (exp)\n"
            "    type: tensor<fp32, [2, 3]> -> tensor<fp32, [9, 3]>\n"
            "+ line 5, z (exp)\n");
  EXPECT_EQ(outcome.err, "millwright mil diff: 3 differences between " + a + " and " + b + "\n");
  const Json json = Json::parse(run({"mil", "diff", "--json", a, b}).out);
  EXPECT_EQ(json.at("equal"), false);
  const Json& changed = json.at("differences").at(1);
  EXPECT_EQ(changed.at("kind"), "changed");
  EXPECT_EQ(changed.at("subject"), "operation");
  EXPECT_EQ(changed.at("function"), "main");
  EXPECT_EQ(changed.at("a"), Json({{"text", "y (exp)"}, {"line", 4}, {"number", 1}}));
  EXPECT_EQ(changed.at("b"), changed.at("a"));
  EXPECT_EQ(changed.at("changes").at(0),
            Json({{"what", "type"}, {"before", "tensor<fp32, [2, 3]>"}, {"after", "tensor<fp32, [9, 3]>"}}));
  EXPECT_EQ(json.at("differences").at(2).at("a"), nullptr);
}

TEST(MilDiff, ComparesFormsWithEachOther) {
  const TemporaryFolder folder;
  const std::string package = containers("foreign.mlpackage");
  const std::string compiled = (folder / "a.mlmodelc").string();
  const std::string whole = (folder / "whole.mil").string();
  ASSERT_EQ(run({"mil", "convert", package, compiled}).exit_code, 0);
  ASSERT_EQ(run({"mil", "convert", "--inline-weights", package, whole}).exit_code, 0);
  EXPECT_EQ(run({"mil", "diff", package, compiled}).exit_code, 0);
  EXPECT_EQ(run({"mil", "diff", whole, package}).exit_code, 0);
  const Outcome outcome = run_shell("\"$0\" mil print --inline-weights \"$1\" | \"$0\" mil diff \"$1\" -", {package});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, package + " and standard input are equal, names aside\n");
  // Without their weights, references are compared as they stand.
  const Outcome unread = run_shell("\"$0\" mil print \"$1\" | \"$0\" mil diff \"$1\" -", {package});
  EXPECT_EQ(unread.exit_code, 0);
  EXPECT_EQ(unread.out.rfind("weights are compared by path and offset: line ", 0), 0u) << unread.out;
}

TEST(MilDiff, RefusesWhatItCannotCompare) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.mil", kGood);
  expect_refused({"mil", "diff", "-", "-"}, 2,
                 "millwright mil diff: standard input can be one of the two programs; name a file for the other");
  const std::string broken = folder.write("b.mil", "program(1.3) {");
  const Outcome outcome = run({"mil", "diff", good, broken});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err.rfind("millwright mil diff: " + broken + ":1:", 0), 0u) << outcome.err;
}

// What stands for Graphviz: says what it was called with and gives back its input.
std::string fake_graphviz(const TemporaryFolder& folder, const std::string& script) {
  const std::filesystem::path path = folder.write("bin/dot", "#!/bin/sh\n" + script);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  return path.parent_path();
}

constexpr const char* kDrawSvg = "PATH=\"$1\" \"$0\" mil graph \"$2\" ";

TEST(MilGraph, PrintsDot) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.mil", kGood);
  const Outcome outcome = run({"mil", "graph", "--format", "dot", good});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out.rfind("digraph program {\n", 0), 0u);
  EXPECT_NE(outcome.out.find("n1 -> n2 [label=\"x\"];"), std::string::npos) << outcome.out;
  const Json json = Json::parse(run({"mil", "graph", "--format", "dot", "--json", good}).out);
  EXPECT_EQ(json.at("text"), outcome.out);
  EXPECT_EQ(json.at("format"), "dot");
  EXPECT_EQ(json.at("nodes"), 3);
}

TEST(MilGraph, DrawsWithGraphvizWhereItIsInstalled) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.mil", kGood);
  const std::string bin = fake_graphviz(folder, "echo \"$# $1\"\nexec /bin/cat\n");
  const std::string dot = run({"mil", "graph", "--format", "dot", good}).out;
  const Outcome outcome = run_shell(kDrawSvg, {bin, good});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "1 -Tsvg\n" + dot);
  EXPECT_EQ(outcome.err, "");
  const std::string out = (folder / "a.pdf").string();
  const Outcome written = run_shell(std::string(kDrawSvg) + "--out \"$3\" --json", {bin, good, out});
  EXPECT_EQ(Json::parse(written.out), Json({{"file", good}, {"format", "pdf"}, {"nodes", 3}, {"written", out}}));
  EXPECT_EQ(read_whole_file(out), "1 -Tpdf\n" + dot);
}

TEST(MilGraph, SaysWhyGraphvizDidNotDraw) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.mil", kGood);
  const std::string dot = run({"mil", "graph", "--format", "dot", good}).out;
  const std::string nothing = folder.path();
  const Outcome text = run_shell(kDrawSvg, {nothing, good});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_EQ(text.out, dot);
  EXPECT_EQ(text.err, "this is DOT text and not SVG: Graphviz is not installed: there is no dot in PATH\n");
  const Outcome missing = run_shell(std::string(kDrawSvg) + "--format svg", {nothing, good});
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(missing.err,
            "millwright mil graph: Graphviz is not installed: there is no dot in PATH; use --format dot\n");
  const std::string bin = fake_graphviz(folder, "echo 'Error: no memory' >&2\necho more >&2\nexit 3\n");
  const Outcome failed = run_shell(kDrawSvg, {bin, good});
  EXPECT_EQ(failed.exit_code, 1);
  EXPECT_EQ(failed.out, "");
  EXPECT_EQ(failed.err, "millwright mil graph: " + bin +
                            "/dot failed with exit code 3: Error: no memory; --format dot needs no Graphviz\n");
  const Outcome large = run_shell(std::string(kDrawSvg) + "--most-nodes 2", {bin, good});
  EXPECT_EQ(large.out, dot);
  EXPECT_EQ(large.err,
            "this is DOT text and not SVG: the graph has 3 nodes, and Graphviz would take long for more than 2\n");
  const Outcome refused = run_shell(std::string(kDrawSvg) + "--most-nodes 2 --out a.svg", {bin, good});
  EXPECT_EQ(refused.err,
            "millwright mil graph: the graph has 3 nodes, and Graphviz would take long for more than 2; use --format "
            "dot, --function, or a higher --most-nodes\n");
}

TEST(MilGraph, RefusesWrongOptions) {
  const TemporaryFolder folder;
  const std::string good = folder.write("a.mil", kGood);
  expect_refused({"mil", "graph", good, "--format", "gif"}, 2,
                 "millwright mil graph: --format: expected svg, dot, png or pdf, found \"gif\"");
  expect_refused({"mil", "graph", good, "--out", "a.gif"}, 2,
                 "millwright mil graph: --out: expected a name that ends in .svg, .dot, .png or .pdf, found a.gif; or "
                 "say --format");
  expect_refused({"mil", "graph", good, "--function", "f"}, 2,
                 "millwright mil graph: --function: the program has no function f; it has main");
  const std::string bin = fake_graphviz(folder, "exec /bin/cat\n");
  EXPECT_EQ(run_shell(std::string(kDrawSvg) + "--format png --json", {bin, good}).err,
            "millwright mil graph: --json cannot hold a png; name a file with --out\n");
}

TEST(Mil, HelpOfEveryCommandGivesExamplesWithItsFlags) {
  for (const std::string words :
       {"check", "print", "stats", "convert", "run", "graph", "diff", "blob list", "blob extract", "blob verify"}) {
    const Outcome outcome = run_shell("\"$0\" mil " + words + " --help", {});
    EXPECT_EQ(outcome.exit_code, 0);
    const size_t examples = outcome.out.find("Examples:\n");
    ASSERT_NE(examples, std::string::npos) << words;
    EXPECT_NE(outcome.out.find("millwright mil " + words, examples), std::string::npos) << words;
    for (size_t at = outcome.out.find(" --", examples); at != std::string::npos; at = outcome.out.find(" --", at + 1)) {
      const std::string flag = outcome.out.substr(at + 1, outcome.out.find_first_of(" \n", at + 1) - at - 1);
      EXPECT_LT(outcome.out.find("\n  " + flag + " "), examples) << words << ": " << flag;
    }
  }
}

}  // namespace
}  // namespace millwright::app
