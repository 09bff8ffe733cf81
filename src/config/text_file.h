// A file as a text.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace ncps::config {

// Errors: not_found, unavailable: it cannot be read, or is a directory.
Result<std::string> read_text_file(const std::filesystem::path& path);

}  // namespace ncps::config
