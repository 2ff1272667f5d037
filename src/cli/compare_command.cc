// qat compare: two models of any format on the same images, layer by layer where both have layers, else the logits.
#include <cmath>

#include "base/error.h"
#include "base/random.h"
#include "cli/command.h"
#include "cli/compare_side.h"
#include "cli/interrupt.h"
#include "cli/results.h"
#include "cli/stored_config.h"
#include "cli/table.h"
#include "eval/accuracy.h"
#include "eval/compare.h"

namespace qat::cli {

namespace {

std::string takes(const Side& side) {
  const int64_t channels = side.model->channels();
  return cat(side.path.string(), " takes images of ", channels, channels == 1 ? " channel" : " channels");
}

// Of the images that both take; MODEL.IN_CHANNELS where both leave it open.
int64_t channels_of(const Side& a, const Side& b, const config::ModelOptions& options) {
  const int64_t left = a.model->channels(), right = b.model->channels();
  if (left > 0 && right > 0 && left != right)
    fail(Code::kUsage, takes(a), ", ", takes(b), "; compare models of the same images");
  return left > 0 ? left : right > 0 ? right : options.in_channels;
}

// Images of the data, or noise of DATA.SIZE where no data are given. They are normalized for `a`.
Tensor images_for(const Context& context, const Side& a, const Side& b) {
  const eval::Classifier& model = *a.model;
  const config::Options options = with_stored_data(context.config, model.metadata());
  const int64_t channels = channels_of(a, b, options.model);
  const auto images = static_cast<int64_t>(context.args.number("--images", 16, 1));
  const bool have_data = !options.data.path.empty() || !options.data.test.empty();
  if (have_data) {
    std::shared_ptr<const data::Dataset> dataset = data::open_dataset(options.data, data::Split::kTest);
    data::Loader loader(dataset, data::test_transform(options.data), {.batch = images, .workers = 0});
    loader.start(0);
    const auto batch = loader.next();
    if (!batch) fail(Code::kBadFile, "the test split has no images");
    for (const Side* side : {&a, &b}) eval::check_channels(*side->model, side->path.string(), batch->images.dim(3));
    const eval::Normalization norm = normalization_for(context.config, model, a.path.string(), options.data);
    return data::normalize_nchw(batch->images, norm.mean, norm.std);
  }
  if (options.data.size == 0)
    fail(Code::kUsage, "nothing to compare on; give DATA.PATH, or DATA.SIZE for random images");
  Tensor noise(DType::kF32, {images, channels, options.data.size, options.data.size});
  Random random(1);
  for (float& x : noise.data<float>()) x = static_cast<float>(random.normal());
  return noise;
}

struct Row {
  std::string layer;
  eval::Difference figures;
};

// The value to hold against layer `name` of `other`: where that one keeps it in int8, our quantized one.
const Tensor* value_for(const std::map<std::string, Tensor>& layers, const Side& own, const Side& other,
                        const std::string& name) {
  auto found = layers.find(name);
  const auto quantized = own.quantized_as.find(name);
  if (other.int8.contains(name) && quantized != own.quantized_as.end() && layers.contains(quantized->second)) {
    found = layers.find(quantized->second);
  }
  return found == layers.end() ? nullptr : &found->second;
}

// Layers of both under one name and shape, in the order of the first graph there is; without the last, which are the
// logits: those that a model gives as a whole count, exact integers where it is quantized.
std::vector<Row> compare_layers(Side& a, Side& b, const Tensor& images) {
  const auto left = layers_of(a, images), right = layers_of(b, images);
  std::vector<Row> rows;
  for (const std::string& name : !a.has_graph && b.has_graph ? b.order : a.order) {
    if (name == a.logits && name == b.logits) continue;
    const Tensor *x = value_for(left, a, b, name), *y = value_for(right, b, a, name);
    if (x != nullptr && y != nullptr && x->shape() == y->shape()) rows.push_back({name, eval::difference(*x, *y)});
  }
  return rows;
}

std::string snr_text(double snr) { return std::isinf(snr) ? (snr > 0 ? "equal" : "-") : fixed(snr, 1); }

Json json_of(const Row& row) {
  const auto number = [](double x) { return std::isfinite(x) ? Json(x) : Json(nullptr); };
  return {{"layer", row.layer},
          {"cosine", number(row.figures.cosine)},
          {"snr_db", number(row.figures.snr_db)},
          {"max_abs", number(row.figures.max_abs)}};
}

void stop_if_interrupted() {
  if (interrupted()) fail(Code::kFailure, "[compare] interrupted");
}

int run(Context& context) {
  if (context.args.operands.size() != 2) fail(Code::kUsage, "give two models: qat compare A B");
  const double threshold = context.args.number("--cosine", 0.99, -1);
  Side a = open_side(context.args.operand(0), context.options());
  Side b = open_side(context.args.operand(1), context.options());
  stop_if_interrupted();
  const Tensor images = images_for(context, a, b);
  const Tensor x = eval::logits_of(*a.model, a.path.string(), images),
               y = eval::logits_of(*b.model, b.path.string(), images);
  if (x.shape() != y.shape()) {
    fail(Code::kUsage, "the models give ", to_string(x.shape()), " and ", to_string(y.shape()),
         " logits; they differ in classes");
  }
  stop_if_interrupted();
  std::vector<Row> rows = compare_layers(a, b, images);
  stop_if_interrupted();
  rows.push_back({"(logits)", eval::difference(x, y)});

  Table table{.header = {"layer", "cosine", "SNR dB", "max |a-b|", ""}};
  Json layers = Json::array(), first = nullptr;
  for (const Row& row : rows) {
    const bool diverges = !(row.figures.cosine >= threshold);
    const bool is_first = diverges && first.is_null();
    if (is_first) first = row.layer;
    table.rows.push_back({row.layer, fixed(row.figures.cosine, 6), snr_text(row.figures.snr_db),
                          fixed(row.figures.max_abs, 6), is_first ? "<- the first that diverges" : ""});
    layers.push_back(json_of(row));
  }
  const std::string tail = first.is_null() ? cat("no layer diverges (cosine >= ", threshold, ")\n")
                                           : cat("first divergence: ", first.get<std::string>(), "\n");
  const Json object{{"a", a.path.string()},
                    {"b", b.path.string()},
                    {"images", images.dim(0)},
                    {"layers", layers},
                    {"first_divergence", first}};
  context.console.result(cat(a.description, " against ", b.description, "\n", table.text(), tail), json_text(object));
  return 0;
}

}  // namespace

Command compare_command() {
  return {.name = "compare",
          .summary = "two models on the same images, layer by layer: cosine, signal-to-noise, first divergence",
          .operands = "A B",
          .max_operands = 2,
          .flags = {{"--images", "N", "how many images (16)"}, {"--cosine", "X", "a layer below this diverges (0.99)"}},
          .run = run};
}

}  // namespace qat::cli
