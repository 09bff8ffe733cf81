#include "cache/follow_policy.h"

#include <algorithm>

namespace ncps::cache {

Follow next_follow(const FollowPolicy& policy, const FollowView& view) noexcept {
  // What is whole and right goes before everything, also where we might fetch it ourselves.
  if (view.at_rest) return view.begun ? Follow::read_store : Follow::open_at_rest;
  if (view.ours) return Follow::fetch_and_keep;
  if (!view.wanted && !view.begun) return Follow::leave;
  if (view.distrusted || view.silence >= policy.patience) return Follow::fetch_only;
  return view.peer ? Follow::read_peer : Follow::wait;
}

std::chrono::milliseconds nap(const FollowPolicy& policy, const FollowView& view) noexcept {
  return std::clamp(policy.patience - view.silence, std::chrono::milliseconds(1),
                    policy.look_again);
}

}  // namespace ncps::cache
