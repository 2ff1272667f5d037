// Files that are about to be written: whether they can be, and their folders.
#pragma once

#include <filesystem>

namespace qat {

// Throws Error(kIo) where a file cannot be written, folders that lack included: to be asked before the work. Leaves
// nothing behind.
void check_output(const std::filesystem::path& path);

// Makes the folder of a file that is about to be written. Throws Error(kIo).
void make_folder_of(const std::filesystem::path& path);

}  // namespace qat
