#include "base/byte_size.h"

#include <algorithm>
#include <cstdlib>

#include "fuzzing/fuzz_target.h"

namespace ncps {

FUZZ_TARGET(byte_size) {
  auto bytes = parse_byte_size(input);
  std::string upper(input), spaced(input);
  std::ranges::transform(upper, upper.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  });
  if (auto unit = spaced.find_first_of("BKMGTPbkmgtp"); unit != spaced.npos)
    spaced.insert(unit, " ");
  auto as_upper = parse_byte_size(upper), with_space = parse_byte_size(spaced);
  if (!bytes) {
    CHECK(!as_upper && !bytes.error().what().empty());
    return;
  }
  CHECK(*bytes < std::uint64_t{1} << 63);
  CHECK(as_upper && *as_upper == *bytes && with_space && *with_space == *bytes);
  // What is printed for people is off by half of its last digit at most.
  auto again = parse_byte_size(print_byte_size(*bytes));
  CHECK(again);
  auto difference = *again > *bytes ? *again - *bytes : *bytes - *again;
  CHECK(difference <= *bytes / 18);
}

}  // namespace ncps
