#include "cache/follow_policy.h"

#include <gtest/gtest.h>

namespace ncps::cache {
namespace {

using std::chrono::milliseconds;

constexpr FollowPolicy kPolicy{.patience = milliseconds(30'000), .look_again = milliseconds(1'000)};

FollowView client() {
  return {.ours = false,
          .at_rest = false,
          .wanted = true,
          .begun = false,
          .peer = true,
          .distrusted = false,
          .silence = milliseconds(0)};
}

FollowView changed(void (*change)(FollowView&)) {
  auto view = client();
  change(view);
  return view;
}

TEST(FollowPolicy, DecidesWhereTheNextByteComesFrom) {
  struct {
    const char* what;
    void (*change)(FollowView&);
    Follow then;
  } rows[] = {
      {"another's, with an address", [](FollowView&) {}, Follow::read_peer},
      {"another's, in the middle", [](FollowView& v) { v.begun = true; }, Follow::read_peer},
      {"ours", [](FollowView& v) { v.ours = true; }, Follow::fetch_and_keep},
      {"ours in the middle: taken over", [](FollowView& v) { v.ours = v.begun = true; },
       Follow::fetch_and_keep},
      {"at rest, nothing given", [](FollowView& v) { v.at_rest = true; }, Follow::open_at_rest},
      {"at rest, ours", [](FollowView& v) { v.at_rest = v.ours = true; }, Follow::open_at_rest},
      {"at rest, in the middle", [](FollowView& v) { v.at_rest = v.begun = true; },
       Follow::read_store},
      {"at rest, in the middle, ours", [](FollowView& v) { v.at_rest = v.begun = v.ours = true; },
       Follow::read_store},
      {"fetched ahead by another", [](FollowView& v) { v.wanted = false; }, Follow::leave},
      {"fetched ahead by us", [](FollowView& v) { v.wanted = false, v.ours = true; },
       Follow::fetch_and_keep},
      {"nobody to be asked", [](FollowView& v) { v.peer = false; }, Follow::wait},
      {"nobody to be asked, in the middle", [](FollowView& v) { v.peer = false, v.begun = true; },
       Follow::wait},
      {"nobody for long", [](FollowView& v) { v.peer = false, v.silence = kPolicy.patience; },
       Follow::fetch_only},
      {"a peer that gives nothing for long", [](FollowView& v) { v.silence = kPolicy.patience; },
       Follow::fetch_only},
      {"at rest after long", [](FollowView& v) { v.at_rest = true, v.silence = kPolicy.patience; },
       Follow::open_at_rest},
      {"ours after long", [](FollowView& v) { v.ours = true, v.silence = kPolicy.patience; },
       Follow::fetch_and_keep},
      {"wrong bytes came before", [](FollowView& v) { v.distrusted = true; }, Follow::fetch_only},
      {"wrong bytes came before, ours", [](FollowView& v) { v.distrusted = v.ours = true; },
       Follow::fetch_and_keep},
      {"wrong bytes came before, ahead",
       [](FollowView& v) { v.distrusted = true, v.wanted = false; }, Follow::leave},
  };
  for (const auto& row : rows)
    EXPECT_EQ(next_follow(kPolicy, changed(row.change)), row.then) << row.what;
}

TEST(FollowPolicy, WhoWaitsLooksNowAndThenAndIsReadyWhenItsPatienceEnds) {
  EXPECT_EQ(nap(kPolicy, client()), milliseconds(1'000));
  auto late = client();
  late.silence = milliseconds(29'700);
  EXPECT_EQ(nap(kPolicy, late), milliseconds(300));
  late.silence = milliseconds(40'000);
  EXPECT_EQ(nap(kPolicy, late), milliseconds(1));
}

}  // namespace
}  // namespace ncps::cache
