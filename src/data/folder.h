// A folder of images per class, as torchvision's ImageFolder reads it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace qat::data {

// The names of the class folders of a split, sorted; symbolic links count. Empty when there is none.
std::vector<std::string> class_folders(const std::filesystem::path& root);

// The images of <root>/<class>/**, ordered as torchvision orders them: by class, folder, name. RGB.
// Files are recognized by extension (JPEG, PNG and the formats that torchvision lists, which decoding then refuses by
// name, so that none is left out in silence); others are ignored. `classes`: all names, in the order of their labels.
// Throws Error(kBadFile) for a class folder that is not among them or has no image.
std::unique_ptr<Dataset> open_folder(const std::filesystem::path& root, const std::vector<std::string>& classes);

}  // namespace qat::data
