// CIFAR-10's binary version: records of one label byte and three 32 x 32 colour planes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace qat::data {

// The folder with data_batch_1.bin: `place` itself or cifar-10-batches-bin in it; "" when there is none.
std::filesystem::path find_cifar10(const std::filesystem::path& place);

// Reads the files one after another. Class names come from batches.meta.txt beside them, or are CIFAR-10's own.
// Throws Error(kBadFile) naming file and record on a partial record or a label above 9.
std::unique_ptr<Dataset> open_cifar10(const std::vector<std::filesystem::path>& files);

// data_batch_1..5.bin or test_batch.bin of a folder.
std::vector<std::filesystem::path> cifar10_train_files(const std::filesystem::path& folder);
std::vector<std::filesystem::path> cifar10_test_files(const std::filesystem::path& folder);

}  // namespace qat::data
