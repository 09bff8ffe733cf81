#include "base/cron.h"

#include "fuzzing/fuzz_target.h"

namespace ncps {

FUZZ_TARGET(cron) {
  using namespace std::chrono;
  constexpr std::string_view kZones[] = {"UTC", "Europe/Berlin", "America/Los_Angeles",
                                         "Australia/Lord_Howe", "Asia/Kathmandu"};
  auto zone = kZones[fuzzing::take_byte(input) % std::size(kZones)];
  auto day = fuzzing::take_byte(input), hour = fuzzing::take_byte(input);
  auto schedule = CronSchedule::parse(input, zone);
  if (!schedule) return;
  CHECK(schedule->str() == input);
  auto now = sys_seconds(sys_days(2024y / January / 1)) + days(day * 5) + minutes(hour * 7);
  for (int i = 0; i < 4; ++i) {
    auto next = schedule->next_after(now);
    if (!next) return;  // 30 February
    CHECK(*next > now);
    // Nothing lies between: who asks a moment later gets the same, and its own time is not after itself.
    if (!input.contains("@every")) {
      CHECK(schedule->next_after(*next - seconds(1)) == next);
      CHECK(schedule->next_after(now + (*next - now) / 2) == next || *next - now < seconds(2));
    }
    CHECK(*next - now < days(366 * 9) || input.contains("@every"));
    now = *next;
  }
}

}  // namespace ncps
