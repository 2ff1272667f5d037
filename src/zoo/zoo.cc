// The table of the zoo's networks.
#include "zoo/zoo.h"

#include "base/error.h"
#include "zoo/nets.h"

namespace qat::zoo {

namespace {

struct Row {
  const char* name;
  ir::Graph (*build)(const std::string& name, const NetOptions& options);
};

template <int64_t blocks>
ir::Graph small(const std::string& name, const NetOptions& o) {
  return small_resnet(name, blocks, o);
}

const Row kNets[] = {
    {"resnet8", small<1>},
    {"resnet20", small<3>},
    {"resnet56", small<9>},
    {"resnet18",
     [](const auto& n, const auto& o) {
       return resnet(n, {.blocks = {2, 2, 2, 2}}, o);
     }},
    {"resnet34",
     [](const auto& n, const auto& o) {
       return resnet(n, {.blocks = {3, 4, 6, 3}}, o);
     }},
    {"resnet50",
     [](const auto& n, const auto& o) {
       return resnet(n, {.blocks = {3, 4, 6, 3}, .bottleneck = true}, o);
     }},
    {"resnet101",
     [](const auto& n, const auto& o) {
       return resnet(n, {.blocks = {3, 4, 23, 3}, .bottleneck = true}, o);
     }},
    {"resnet152",
     [](const auto& n, const auto& o) {
       return resnet(n, {.blocks = {3, 8, 36, 3}, .bottleneck = true}, o);
     }},
    {"wide_resnet50_2",
     [](const auto& n, const auto& o) {
       return resnet(n, {.blocks = {3, 4, 6, 3}, .bottleneck = true, .width_per_group = 128}, o);
     }},
    {"resnext50_32x4d",
     [](const auto& n, const auto& o) {
       return resnet(n, {.blocks = {3, 4, 6, 3}, .bottleneck = true, .groups = 32, .width_per_group = 4}, o);
     }},
    {"vgg16_bn", [](const auto&, const auto& o) { return vgg16_bn(o); }},
    {"mobilenet_v2", [](const auto&, const auto& o) { return mobilenet_v2(o); }},
};

}  // namespace

std::vector<std::string> names() {
  std::vector<std::string> list;
  for (const Row& row : kNets) list.emplace_back(row.name);
  return list;
}

ir::Graph build(const std::string& net, const NetOptions& options) {
  if (options.in_channels <= 0 || options.classes <= 0)
    fail(Code::kUsage, "[", net, "] expected at least 1 channel and 1 class, got ", options.in_channels, " and ",
         options.classes);
  for (const Row& row : kNets) {
    if (net == row.name) return row.build(net, options);
  }
  const std::string near = closest(net, names());
  fail(Code::kUsage, "unknown network \"", net, "\"; ",
       near.empty() ? "expected one of " + join(names(), ", ") : "did you mean " + near + "?");
}

}  // namespace qat::zoo
