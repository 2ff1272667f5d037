// Configurations: round trips, sources, every kind of wrong input with its line.
#include "config/config.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "config/values.h"

namespace qat::config {
namespace {

Config from_yaml(const std::string& text) {
  Config config;
  apply_yaml(config, text, "a.yaml");
  return config;
}

template <class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), Code::kUsage);
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    return e.what();
  }
  return "no error";
}

std::string yaml_error(const std::string& text) {
  return error_of([&] { from_yaml(text); });
}

std::string override_error(const std::vector<std::string>& words) {
  return error_of([&] {
    Config config;
    apply_overrides(config, words);
    check(config.options);
  });
}

TEST(Config, KeysAreUniqueAndEveryDefaultIsAllowed) {
  std::map<std::string, int> seen;
  for (const Key& key : keys()) {
    EXPECT_EQ(seen[key.name]++, 0) << key.name;
    EXPECT_FALSE(key.help.empty()) << key.name;
    Options options;
    if (!is_list(key) && !is_text(key)) set_value(key, options, value_text(key, options));
  }
  EXPECT_EQ(find_key("TRAIN.LR")->allowed.above_min, true);
}

TEST(Config, YamlAndOverridesWithSources) {
  Config config =
      from_yaml("OUTPUTS: out\nTRAIN:\n  LR: 0.05\n  STEPS: [30, 60]\nDATA: {MEAN: [0.5], STD: 0.25}\nEVAL:\n");
  apply_overrides(config,
                  {"TRAIN.LR", "0.01", "DATA.FLIP=true", "QUANT.SKIP", "['fc', layer1.*]", "TRAIN.FREEZE_BN", "-1"});
  EXPECT_EQ(config.options.outputs, "out");
  EXPECT_EQ(config.options.train.lr, 0.01);
  EXPECT_EQ(config.options.train.steps, (std::vector<int64_t>{30, 60}));
  EXPECT_EQ(config.options.data.mean, std::vector<double>{0.5});
  EXPECT_EQ(config.options.data.std, std::vector<double>{0.25});
  EXPECT_TRUE(config.options.data.flip);
  EXPECT_EQ(config.options.quant.skip, (std::vector<std::string>{"fc", "layer1.*"}));
  EXPECT_EQ(config.source("TRAIN.LR"), "command line");
  EXPECT_EQ(config.source("TRAIN.STEPS"), "a.yaml:4");
  EXPECT_EQ(config.source("OUTPUTS"), "a.yaml:1");
  EXPECT_EQ(config.source("TRAIN.EPOCHS"), "default");
}

TEST(Config, DumpReadsBackToTheSame) {
  Config config;
  apply_overrides(config, {"TRAIN.LR=0.1000000000000000055", "DATA.PATH=a b: #c\"\\", "MODEL.NET=true", "OUTPUTS=-1",
                           "DATA.MEAN=0.485,0.456,0.406", "QUANT.SKIP=layer1.*,fc", "TRAIN.SEED=18446744073709551615",
                           "TRAIN.WEIGHT_DECAY=1e-300", "EVAL.MODEL=tab\there", "BUILD.ENGINE=1e5"});
  const std::string text = to_yaml(config.options);
  EXPECT_EQ(to_yaml(from_yaml(text).options), text);
  EXPECT_EQ(from_yaml(text).options.data.path, "a b: #c\"\\");
  EXPECT_EQ(from_yaml(text).options.eval.model, "tab\there");
  EXPECT_EQ(from_yaml(text).options.train.seed, 18446744073709551615ull);
  EXPECT_EQ(from_yaml(text).options.train.weight_decay, 1e-300);
}

TEST(Config, WrongYamlNamesLineKeyAndRemedy) {
  EXPECT_EQ(yaml_error("TRAIN:\n  LRR: 1\n"),
            "a.yaml:2: unknown key TRAIN.LRR; did you mean TRAIN.LR? `qat config` lists every key");
  EXPECT_EQ(yaml_error("TRAIN:\n  LR: fast\n"), "a.yaml:2: TRAIN.LR: expected a number > 0, got 'fast'");
  EXPECT_EQ(yaml_error("TRAIN:\n  EPOCHS: 1.5\n"),
            "a.yaml:2: TRAIN.EPOCHS: expected an integer >= 1 and <= 1e+06, got '1.5'");
  EXPECT_EQ(yaml_error("TRAIN:\n  LR: '0.1'\n"),
            "a.yaml:2: TRAIN.LR: expected float, got the string \"0.1\"; remove the quotes");
  EXPECT_EQ(
      yaml_error("TRAIN:\n  SCHEDULE: cosin\n"),
      "a.yaml:2: TRAIN.SCHEDULE: expected one of step, cosine, one_cycle, constant, got 'cosin'; did you mean cosine?");
  EXPECT_EQ(yaml_error("TRAIN: 5\n"), "a.yaml:1: TRAIN is a section, got a single value");
  EXPECT_EQ(yaml_error("TRAIN:\n  LR: [1]\n"), "a.yaml:2: TRAIN.LR: expected float > 0, got '[1]'");
  EXPECT_EQ(yaml_error("DATA:\n  MEAN: [[1]]\n"), "a.yaml:2: DATA.MEAN: expected list of float, got a nested list");
  EXPECT_EQ(yaml_error("TRAIN:\n  LR: 1\n  LR: 2\n"), "a.yaml:3: TRAIN.LR is given twice");
  EXPECT_EQ(yaml_error("- TRAIN\n"), "a.yaml:1: expected sections such as TRAIN:, got a list");
  EXPECT_EQ(yaml_error("TRAIN:\n  LR:\n"), "a.yaml:2: TRAIN.LR: expected a value (float), got nothing");
  EXPECT_EQ(yaml_error("TRAIN:\n  LR: 1\n---\nTRAIN:\n  LR: 2\n"),
            "a.yaml:4: a second document; a configuration is one (remove the --- before it)");
  EXPECT_EQ(yaml_error("---\nTRAIN:\n  LR: 1\n...\n"), "no error");
  EXPECT_NE(yaml_error("TRAIN: [\n").find("not valid YAML"), std::string::npos);
  EXPECT_NE(yaml_error(std::string("A\0B", 3)).find("zero byte"), std::string::npos);
}

TEST(Config, WrongOverrides) {
  EXPECT_NE(override_error({"TRAIN.LRR", "1"}).find("did you mean TRAIN.LR?"), std::string::npos);
  EXPECT_EQ(override_error({"TRAIN.LR"}), "command line: TRAIN.LR has no value; write TRAIN.LR=0.1");
  EXPECT_EQ(override_error({"TRAIN.LR=0"}), "command line: TRAIN.LR: expected a number > 0, got '0'");
  for (const char* value : {"nan", "inf", "1e999", "0.1x", "", "0x10"}) {
    EXPECT_NE(override_error({cat("TRAIN.LR=", value)}), "no error") << value;
  }
  EXPECT_NE(override_error({"TRAIN.EPOCHS=9223372036854775808"}), "no error");
  EXPECT_NE(override_error({"DATA.MEAN=0.5", "MODEL.IN_CHANNELS=1"}).find("DATA.STD"), std::string::npos);
  EXPECT_NE(override_error({"DATA.MEAN=0.5", "DATA.STD=0.5"}).find("MODEL.IN_CHANNELS is 3"), std::string::npos);
  // The one at fault is named, and only that.
  const std::string remedy =
      ", MODEL.IN_CHANNELS is 3; give one value of each per channel of the images, and their number as "
      "MODEL.IN_CHANNELS";
  EXPECT_EQ(override_error({"DATA.MEAN=0,0,0", "DATA.STD=1,1"}), "DATA.STD has 2 values" + remedy);
  EXPECT_EQ(override_error({"DATA.MEAN=0", "DATA.STD=1,1,1"}), "DATA.MEAN has 1 value" + remedy);
  EXPECT_EQ(override_error({"DATA.MEAN=0,0,0"}), "DATA.STD is missing" + remedy);
  EXPECT_EQ(override_error({"DATA.STD=1,1,1"}), "DATA.MEAN is missing" + remedy);
  EXPECT_EQ(override_error({"DATA.MEAN=0", "DATA.STD=1"}), "DATA.MEAN has 1 value, DATA.STD has 1 value" + remedy);
  for (const char* means : {"DATA.MEAN=123.675,116.28,103.53", "DATA.MEAN=127.5,127.5,127.5", "DATA.MEAN=0,0,1.5"})
    EXPECT_NE(override_error({means, "DATA.STD=1,1,1"}).find("divide both by 255"), std::string::npos) << means;
  EXPECT_NE(override_error({"DATA.MEAN=0,0,0", "DATA.STD=58,57,57"}).find("of pixels 0 to 255"), std::string::npos);
  EXPECT_EQ(override_error({"DATA.MEAN=0,0.5,1", "DATA.STD=1,1,1"}), "no error");
  EXPECT_EQ(override_error({"DATA.MEAN=-0.5,0,0", "DATA.STD=0.0039,2,1"}), "no error");
  EXPECT_EQ(override_error({"OUTPUTS", ""}), "OUTPUTS is empty; give a folder, \".\" for the one you are in");
  EXPECT_NE(override_error({"DATA.STD=0,1,1"}).find("> 0"), std::string::npos);
  EXPECT_NE(override_error({"TRAIN.SCHEDULE=step"}).find("needs TRAIN.STEPS"), std::string::npos);
  EXPECT_EQ(override_error({"TRAIN.SCHEDULE=step", "TRAIN.STEPS=3,5"}), "no error");
  EXPECT_NE(override_error({"DATA.SIZE=64", "DATA.RESIZE=32"}).find("raise DATA.RESIZE"), std::string::npos);
}

TEST(Config, WordsThatAreOverrides) {
  for (const char* word : {"TRAIN.LR", "TRAIN.LRR", "OUTPUTS", "OUTPUTS=x", "A=b"})
    EXPECT_TRUE(is_override(word)) << word;
  for (const char* word : {"x.pth", "outputs/A.onnx", "", "IMAGES", "train.lr"})
    EXPECT_FALSE(is_override(word)) << word;
}

TEST(Config, TheExperimentsOfTheTreeAreValid) {
  const std::string folder = QAT_SOURCE_DIR "/configs/";
  EXPECT_EQ(load(folder + "fashion_mnist_resnet8.yaml", {}).options.model.net, "resnet8");
  const Options imagenet = load(folder + "imagenet_resnet50.yaml", {"TRAIN.BATCH", "2"}).options;
  EXPECT_EQ(imagenet.train.epochs, 60);
  EXPECT_EQ(imagenet.train.lr, 0.01);
  EXPECT_EQ(imagenet.build.max_shapes, "input:256x3x224x224");
}

TEST(Config, DepthAndAliasBombsAreRefused) {
  EXPECT_NE(yaml_error(std::string(5000, '[')).find("nested too deeply"), std::string::npos);
  std::string dashes, indents;
  for (int i = 0; i < 5000; ++i) dashes += "- ";
  EXPECT_NE(yaml_error(dashes + "a").find("nested too deeply"), std::string::npos);
  for (int i = 0; i < 800; ++i) indents += std::string(static_cast<size_t>(i), ' ') + "a:\n";
  EXPECT_NE(yaml_error(indents), "no error");
  EXPECT_NE(yaml_error(std::string(2 << 20, ' ')).find("at most 1048576"), std::string::npos);
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    const char before = static_cast<char>(c - 1);
    bomb +=
        cat(c, ": &", c, " [*", before, ",*", before, ",*", before, ",*", before, ",*", before, ",*", before, "]\n");
  }
  EXPECT_NE(yaml_error(bomb).find("unknown key a"), std::string::npos);
  EXPECT_NE(yaml_error("TRAIN: &t\n  <<: *t\n"), "no error");
}

}  // namespace
}  // namespace qat::config
