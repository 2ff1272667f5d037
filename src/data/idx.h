// IDX, the format of MNIST and its successors: one file of images, one of labels, plain or gzipped.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/tensor.h"
#include "data/dataset.h"

namespace qat::data {

// An IDX file of unsigned bytes: big-endian magic 0x000008nn, nn extents of 4 bytes, then exactly their product of
// bytes. Throws Error(kBadFile) naming the file when anything else is found. Memory is taken as data arrives.
Tensor read_idx(const std::filesystem::path& path);

// The pair of files of a split. `place` is a folder that holds them under their usual names (train-images-idx3-ubyte,
// t10k-labels.idx1-ubyte.gz, ...) or the images file itself, whose name with "labels" for "images" and "idx1" for
// "idx3" gives the labels. nullopt when the folder has none.
struct IdxFiles {
  std::filesystem::path images, labels;
};
enum class IdxSplit { kTrain, kTest };
std::optional<IdxFiles> find_idx(const std::filesystem::path& place, IdxSplit split);

// `other_labels`: of the other split, "" when there is none; classes are counted over both.
std::unique_ptr<Dataset> open_idx(const IdxFiles& files, const std::filesystem::path& other_labels);

}  // namespace qat::data
