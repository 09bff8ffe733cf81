#include "fetch/origin.h"

#include "fetch/trace_headers.h"
#include "fuzzing/fuzz_target.h"

namespace ncps::fetch {

FUZZ_TARGET(origin) {
  auto origin = origin_of(input);
  CHECK(origin.size() <= input.size() && origin_of(origin) == origin);
  // A path changes nothing of it, and a password is no part of it.
  if (input.find_first_of("/?#@:") == input.npos) {
    auto url = "http://" + std::string(input);
    CHECK(origin_of(url + "/a@b?c@d#e") == origin_of(url));
    CHECK(origin_of("http://user:pw@" + std::string(input)) == origin_of(url));
  }
  auto path = path_of(input);
  CHECK(path.size() <= input.size() && !path.contains('?'));
}

}  // namespace ncps::fetch
