#include "base/date_text.h"

#include <fmt/format.h>

#include "fuzzing/fuzz_target.h"

namespace ncps {

FUZZ_TARGET(date_text) {
  using namespace std::chrono;
  auto time = parse_date_text(input, " T");
  if (!time) return;
  auto day = floor<days>(*time);
  year_month_day date(day);
  hh_mm_ss clock(*time - day);
  auto text =
      fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), input[10],
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  auto given = input.substr(0, kDateTextLength);
  CHECK(text == given || given.ends_with(":60"));  // a leap second is the second after it
}

}  // namespace ncps
