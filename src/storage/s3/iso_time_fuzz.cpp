#include "storage/s3/iso_time.h"

#include "base/date_text.h"
#include "fuzzing/fuzz_target.h"

namespace ncps::s3 {

FUZZ_TARGET(iso_time) {
  auto time = parse_iso_time(input);
  if (!time) return;
  CHECK(input.ends_with('Z') && parse_date_text(input, "T") == time);
  CHECK(input.find_first_not_of("0123456789-T:.Z") == input.npos);
}

}  // namespace ncps::s3
