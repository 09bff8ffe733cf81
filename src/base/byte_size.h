// Amounts of bytes as people write them: "10G", "10GiB", "1.5T", "500M", "0".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ncps {

// A number, with decimals if need be, and a unit: B, K, M, G, T or P, in any case, alone or as KB,
// KiB and so on; all are powers of 1024, as in the Go program. White space between the two is
// allowed. Only 0 may stand without a unit. Errors: invalid, with what would be right; also beyond
// 2^63-1.
Result<std::uint64_t> parse_byte_size(std::string_view text);

// "1.5 GiB": for people.
std::string print_byte_size(std::uint64_t bytes);

}  // namespace ncps
