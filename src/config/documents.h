// What is made of the option table for people: the sample file, the reference, completions, `config
// show`.
#pragma once

#include <string>
#include <string_view>

#include "config/raw_values.h"

namespace ncps::config {

std::string example_yaml();        // config.example.yaml
std::string reference_markdown();  // docs/configuration.md

// `shell` is bash, zsh or fish.
std::string completions(std::string_view shell);

// One line an option: key, value, origin. Secrets, and passwords within URLs, are masked.
std::string show(const RawValues& values);

}  // namespace ncps::config
