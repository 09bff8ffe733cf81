#include "nix/nar_listing.h"

#include "fuzzing/fuzz_target.h"
#include "nix/json_object.h"
#include "nix/nar_walker.h"

namespace ncps::nix {
namespace {

constexpr NarListingLimits kLimits{.entries = 20, .bytes = 2048};

Result<std::string> listed(const std::vector<std::string_view>& pieces) {
  NarListing listing(kLimits);
  for (auto piece : pieces) TRY(listing.feed(piece));
  return listing.finish();
}

}  // namespace

FUZZ_TARGET(nar_listing) {
  auto seed = fuzzing::take_byte(input);
  auto whole = listed({input}), in_pieces = listed(fuzzing::pieces_of(input, seed));
  CHECK(whole.has_value() == in_pieces.has_value());
  NarWalker walker;
  bool is_nar = walker.feed(input) && walker.complete();
  if (!whole) {
    CHECK(!is_nar || whole.error().kind() == ErrorKind::invalid);  // larger than it may be
    return;
  }
  CHECK(is_nar && *whole == *in_pieces && whole->size() <= kLimits.bytes);
  JsonObjectCheck json;
  CHECK(json.feed(*whole) && json.finish());
}

}  // namespace ncps::nix
