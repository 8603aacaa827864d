#include "model/llama_config.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/temporary_folder.h"

namespace millwright::model {
namespace {

LlamaConfig preset(const std::string& name) { return find_preset(name).value(); }

std::string refusal(const LlamaConfig& config) {
  const Status status = validate(config);
  return status ? "accepted" : status.error().message;
}

std::string parse_error(const std::string& json) {
  const auto config = parse_config(json, "config.json");
  return config ? "accepted" : config.error().message;
}

// A config.json with the required fields and `more` in front.
std::string with_fields(const std::string& more) {
  return "{" + more +
         R"("model_type": "llama", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96,
            "num_hidden_layers": 2, "num_attention_heads": 4})";
}

TEST(LlamaPresets, HaveThePublishedNumberOfParameters) {
  EXPECT_EQ(parameter_count(preset("stories260k")), 260'032);
  EXPECT_EQ(parameter_count(preset("stories15m")), 15'191'712);
  EXPECT_EQ(parameter_count(preset("stories42m")), 41'689'600);
  EXPECT_EQ(parameter_count(preset("stories110m")), 109'529'856);
}

TEST(LlamaPresets, HaveTheIssuesShapeOfStories110m) {
  const LlamaConfig config = preset("stories110m");
  EXPECT_EQ(config.layers, 12);
  EXPECT_EQ(config.dim, 768);
  EXPECT_EQ(config.hidden_dim, 2048);
  EXPECT_EQ(config.heads, 12);
  EXPECT_EQ(config.kv_heads, 12);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.vocabulary_size, 32000);
  EXPECT_EQ(config.sequence_length, 256);
  EXPECT_TRUE(config.tie_embeddings);
}

TEST(LlamaPresets, AreAllValidAndNameTheirSizeRightly) {
  for (const Preset& preset : presets()) {
    EXPECT_TRUE(validate(preset.config)) << preset.name;
    const double millions = static_cast<double>(parameter_count(preset.config)) / 1e6;
    const double named = std::stod(std::string(preset.summary));
    EXPECT_NEAR(millions, named, named < 1 ? 0.005 : 0.05) << preset.name;
  }
}

TEST(LlamaPresets, AreListedWhereTheNameIsUnknown) {
  EXPECT_EQ(find_preset("gpt2").error().message,
            "unknown model preset \"gpt2\"; expected one of tiny, small, stories260k, stories15m, stories42m, "
            "stories110m");
}

TEST(LlamaPresets, TheNearestIsNamedWhereTheNameIsMisspelled) {
  EXPECT_EQ(find_preset("storys15m").error().message, "unknown model preset \"storys15m\"; did you mean stories15m?");
}

TEST(LlamaValidation, BoundsEveryNumber) {
  LlamaConfig config = preset("tiny");
  config.layers = 0;
  EXPECT_EQ(refusal(config), "model configuration: layers is 0; expected 1 to 1024");
  config = preset("tiny");
  config.vocabulary_size = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(refusal(config), "model configuration: vocabulary_size is 9223372036854775807; expected 2 to 16777216");
  config = preset("tiny");
  config.dim = -1;
  EXPECT_EQ(refusal(config), "model configuration: dim is -1; expected 1 to 1048576");
}

TEST(LlamaValidation, RefusesAnOddHead) {
  LlamaConfig config = preset("tiny");
  config.head_dim = 31;
  EXPECT_EQ(refusal(config), "model configuration: head_dim is 31; rotary embedding needs an even number");
}

TEST(LlamaValidation, RefusesHeadsThatCannotShareKeysEvenly) {
  LlamaConfig config = preset("tiny");
  config.kv_heads = 3;
  EXPECT_EQ(refusal(config),
            "model configuration: 4 heads cannot share 3 kv_heads evenly; heads must be a multiple of kv_heads");
}

TEST(LlamaValidation, RefusesAnEpsilonOrThetaThatIsNoNumber) {
  LlamaConfig config = preset("tiny");
  config.norm_epsilon = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refusal(config), "model configuration: norm_epsilon is nan; expected more than 0 and less than 1");
  config = preset("tiny");
  config.rope_theta = std::numeric_limits<double>::infinity();
  EXPECT_EQ(refusal(config), "model configuration: rope_theta is inf; expected 1 to 1000000000000");
}

TEST(LlamaValidation, RefusesATokenIdOutsideTheVocabulary) {
  LlamaConfig config = preset("tiny");
  config.eos_id = 2048;
  EXPECT_EQ(refusal(config),
            "model configuration: token id 2048 of the text's begin or end; expected -1 (none) to 2047");
}

TEST(LlamaDifference, NamesEveryFieldThatDiffers) {
  LlamaConfig other = preset("tiny");
  EXPECT_EQ(describe_difference(preset("tiny"), other), "");
  other.eos_id = 5;
  EXPECT_EQ(describe_difference(preset("tiny"), other), "");
  other.dim = 64;
  other.rope_theta = 500;
  other.tie_embeddings = false;
  EXPECT_EQ(describe_difference(preset("tiny"), other),
            "dim 128 against 64, rope_theta 10000 against 500, tie_embeddings true against false");
}

TEST(LlamaConfigFile, RoundTripsEveryPresetThroughTheFile) {
  const TemporaryFolder folder;
  for (const Preset& preset : presets()) {
    LlamaConfig config = preset.config;
    config.bos_id = -1;
    config.norm_epsilon = 1.0 / 3.0;  // has no short decimal
    config.tie_embeddings = !config.tie_embeddings;
    ASSERT_TRUE(write_config(folder / "config.json", config));
    const auto back = read_config(folder / "config.json");
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, config) << preset.name;
  }
}

TEST(LlamaConfigFile, WritesHuggingFacesFields) {
  EXPECT_EQ(config_text(preset("stories260k")), R"({
  "architectures": [
    "LlamaForCausalLM"
  ],
  "attention_bias": false,
  "bos_token_id": 1,
  "eos_token_id": 2,
  "head_dim": 8,
  "hidden_act": "silu",
  "hidden_size": 64,
  "initializer_range": 0.02,
  "intermediate_size": 172,
  "max_position_embeddings": 512,
  "mlp_bias": false,
  "model_type": "llama",
  "num_attention_heads": 8,
  "num_hidden_layers": 5,
  "num_key_value_heads": 4,
  "rms_norm_eps": 1e-05,
  "rope_scaling": null,
  "rope_theta": 10000.0,
  "tie_word_embeddings": true,
  "torch_dtype": "float32",
  "use_cache": true,
  "vocab_size": 512
}
)");
}

TEST(LlamaConfigFile, TakesHuggingFacesDefaults) {
  const auto config = parse_config(with_fields(""), "config.json");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->kv_heads, 4);
  EXPECT_EQ(config->head_dim, 16);
  EXPECT_EQ(config->sequence_length, 2048);
  EXPECT_EQ(config->norm_epsilon, 1e-6);
  EXPECT_EQ(config->rope_theta, 10000.0);
  EXPECT_FALSE(config->tie_embeddings);
  EXPECT_EQ(config->bos_id, -1);
}

TEST(LlamaConfigFile, ReadsThetaFromNewerFilesAndTheFirstOfSeveralEndIds) {
  const auto config = parse_config(
      with_fields(R"("rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}, "eos_token_id": [7, 9],)"),
      "config.json");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->rope_theta, 500000.0);
  EXPECT_EQ(config->eos_id, 7);
}

TEST(LlamaConfigFile, RefusesWhatItCannotComputeByTheFieldsName) {
  EXPECT_EQ(parse_error(with_fields(R"("hidden_act": "gelu",)")),
            "config.json: not supported: field hidden_act = \"gelu\"; expected \"silu\"");
  EXPECT_EQ(parse_error(with_fields(R"("attention_bias": true,)")),
            "config.json: not supported: field attention_bias = true; expected false");
  EXPECT_EQ(parse_error(with_fields(R"("rope_scaling": {"type": "linear", "factor": 2},)")),
            "config.json: not supported: field rope_scaling = {\"factor\":2,\"type\":\"linear\"}; expected null");
  EXPECT_EQ(parse_error(with_fields(R"("rope_parameters": {"rope_type": "yarn"},)")),
            "config.json: not supported: field rope_parameters.rope_type = \"yarn\"; expected \"default\"");
  EXPECT_EQ(parse_error(R"({"model_type": "qwen3"})"),
            "config.json: not supported: field model_type = \"qwen3\"; expected \"llama\"");
  EXPECT_EQ(parse_error("{}"), "config.json: field model_type is missing; expected \"llama\"");
}

TEST(LlamaConfigFile, RefusesNumbersOutOfBoundsBeforeUsingThem) {
  EXPECT_EQ(parse_error(R"({"model_type": "llama", "vocab_size": 1e300})").substr(0, 24), "config.json: \"vocab_size");
  EXPECT_EQ(parse_error(R"({"model_type": "llama", "vocab_size": -4})").substr(0, 24), "config.json: \"vocab_size");
  EXPECT_EQ(parse_error(with_fields(R"("num_key_value_heads": 3,)")),
            "config.json: model configuration: 4 heads cannot share 3 kv_heads evenly; heads must be a multiple of "
            "kv_heads");
  EXPECT_EQ(parse_error("[1]"), "config.json: expected a JSON object, found [1]");
}

TEST(LlamaConfigFile, WantsTheHeadsSizeWhereItDoesNotFollow) {
  EXPECT_EQ(parse_error(R"({"model_type": "llama", "vocab_size": 100, "hidden_size": 64, "intermediate_size": 96,
                            "num_hidden_layers": 2, "num_attention_heads": 5})"),
            "config.json: hidden_size 64 is not a multiple of num_attention_heads 5, and head_dim is not given");
}

}  // namespace
}  // namespace millwright::model
