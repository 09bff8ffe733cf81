#include "nix/nar_info.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::nix {

FUZZ_TARGET(nar_info) {
  auto info = parse_nar_info(input);
  if (!info) return;
  CHECK(!info->url.empty() && info->nar_size > 0 && input.size() <= kMaxNarInfoBytes);
  auto text = print_nar_info(*info);
  // Nothing grows in us: a References line names each path in 32 bytes and more.
  CHECK(text.size() <= 2 * input.size() + 512);
  auto again = parse_nar_info(text);
  CHECK(again && *again == *info);
  CHECK(print_nar_info(*again) == text);
  CHECK(fingerprint(*again) == fingerprint(*info));
  CHECK(!fingerprint(*info).contains('\n'));
}

}  // namespace ncps::nix
