// Datasets: random access to the labelled images of one split, whatever the format on disk.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "config/options.h"

namespace qat::data {

// One decoded image: u8 [H,W,C], C = 1 (grey) or 3 (RGB).
struct Image {
  Tensor pixels;
  int64_t label = 0;
};

// Random access to the images of one split. Thread-safe: get() may be called from several threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual int64_t channels() const = 0;
  virtual int64_t classes() const = 0;
  virtual std::string class_name(int64_t label) const = 0;

  // All images have one height and one width.
  virtual bool same_size() const { return false; }

  // Where image `index` comes from, for messages: a file, or a file and a position in it ("t10k-images...[17]").
  virtual std::string name(int64_t index) const = 0;

  // Classes of which the whole folder has no image, whatever part of it this is; none for other formats, which do not
  // know without reading all.
  virtual std::vector<int64_t> empty_classes() const { return {}; }

  // Throws Error(kBadFile) naming the file when the image is broken, Error(kIo) when it cannot be read at all.
  // The pixels may share the dataset's memory: clone before writing.
  virtual Image get(int64_t index) const = 0;
};

enum class Split { kTrain, kValidation, kTest };

// Opens what DATA.* describes (formats and places: docs/data.md). The validation split is the DATA.VALIDATION training
// images that a fixed permutation holds out; train is the rest, so the two never share an image, whatever TRAIN.SEED
// is. DATA.LIMIT keeps that many images, spread evenly over the split (folders are sorted by class).
// classes: what a model was trained for, in the order of its outputs; folders get these labels by name, and one of
// another name is refused (with DATA.LABELS order, folders are numbered as they are sorted, whatever their names).
// Throws Error(kIo / kBadFile / kUsage) with the place and the remedy.
std::unique_ptr<Dataset> open_dataset(const config::DataOptions& options, Split split,
                                      const std::vector<std::string>& classes = {});

// What the folder of a dataset lacks: "no image of 2 of the 10 classes: cat, dog", for a note; "" where none is
// missing. Such classes count for nothing in an accuracy.
std::string missing_classes(const Dataset& dataset);

// A model's metadata: "class_names", apart by commas; nothing where their number is not that of "classes".
std::vector<std::string> class_names(const std::map<std::string, std::string>& metadata);

}  // namespace qat::data
