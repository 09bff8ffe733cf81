#include "http/range.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::http {

FUZZ_TARGET(range) {
  auto asked = parse_range(input);
  for (std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{100}, UINT64_MAX}) {
    auto decision = decide_range(input, size);
    CHECK((decision.answer == RangeAnswer::whole) ==
          (!asked || (!asked->first && size == 0 && asked->last > 0)));
    if (decision.answer != RangeAnswer::part) continue;
    const auto& range = decision.range;
    CHECK(range.first <= range.last && range.last < size && range.length() <= size);
    if (asked->first) CHECK(range.first == *asked->first && range.last <= asked->last);
    if (!asked->first) CHECK(range.last == size - 1 && range.length() <= asked->last);
    // The same, asked for in the plainest words, is the same.
    auto plain = "bytes=" + std::to_string(range.first) + "-" + std::to_string(range.last);
    CHECK(decide_range(plain, size).range == range);
  }
  // Of ETags in the same text only ours counts.
  CHECK(!if_none_match(input, "\"\x02 no such tag\"") || input.contains('*') ||
        input.contains("no such tag"));
  CHECK(!if_range_allows(input, "\"tag\"") || input.contains("\"tag\"") ||
        input.find_first_not_of(" \t") == input.npos);
  // Whatever a tag is, it is found in a list, weak or strong, and is no other one's.
  std::string tag = "\"";
  for (char c : input)
    if (c != '"') tag += c;
  tag += '"';
  for (const auto& list : {tag, "W/" + tag, "\"a\", W/" + tag + " ,", tag + "\t,,\"b\""}) {
    CHECK(if_none_match(list, tag) && if_none_match(list, "W/" + tag));
    auto other = tag;
    other.insert(1, "x");
    CHECK(!if_none_match(list, other));
  }
  CHECK(if_range_allows(tag, tag) && !if_range_allows("W/" + tag, tag));
}

}  // namespace ncps::http
