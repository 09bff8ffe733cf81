// OldestFirst: what is kept, from the longest unused on, out of several lists that are read page by
// page (db/eviction.h). For one coroutine.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string_view>
#include <tuple>
#include <variant>
#include <vector>

#include "db/eviction.h"

namespace ncps::cache {

// One list, read as far as it must be.
template <class T>
class PagedList {
 public:
  using Fetch = std::function<Task<std::vector<T>>(db::Place after)>;
  explicit PagedList(Fetch fetch) : fetch_(std::move(fetch)) {}

  // Afterwards head() is the next one, if there is one. True: a page was read for it.
  Task<bool> fill() {
    if (!page_.empty() || ended_) co_return false;
    CO_TRY(auto page, co_await fetch_(after_));
    ended_ = page.empty();
    if (!ended_) after_ = page.back().place;
    page_.assign(std::make_move_iterator(page.begin()), std::make_move_iterator(page.end()));
    co_return true;
  }
  const T* head() const { return page_.empty() ? nullptr : &page_.front(); }
  T take() {
    auto first = std::move(page_.front());
    page_.pop_front();
    return first;
  }

 private:
  Fetch fetch_;
  std::deque<T> page_;
  db::Place after_;
  bool ended_ = false;
};

using Kept = std::variant<db::KeptNar, db::KeptNarInfo, db::KeptObject>;

// The place of the oldest of three heads (nullptr: that list has ended): 0, 1 or 2; nullopt: all
// have ended. Of equally old ones the first. Pure.
inline std::optional<std::size_t> oldest_of(const db::Place* nar, const db::Place* narinfo,
                                            const db::Place* object) {
  std::optional<std::size_t> oldest;
  const db::Place* places[] = {nar, narinfo, object};
  for (std::size_t i = 0; i < std::size(places); ++i)
    if (places[i] != nullptr && (!oldest || places[i]->used < places[*oldest]->used)) oldest = i;
  return oldest;
}

class OldestFirst {
 public:
  // NARs without narinfo that came or were used later than `grace_from` await one.
  OldestFirst(db::Eviction& rows, std::chrono::sys_seconds grace_from)
      : nars_([&rows, grace_from](db::Place after) {
          return rows.nars(std::move(after), db::Eviction::kMostAtOnce, grace_from);
        }),
        narinfos_([&rows](db::Place after) {
          return rows.narinfos(std::move(after), db::Eviction::kMostAtOnce);
        }),
        objects_([&rows](db::Place after) {
          return rows.objects(std::move(after), db::Eviction::kMostAtOnce);
        }) {}

  // nullopt: there is nothing more. Errors: unavailable.
  Task<std::optional<Kept>> next() {
    CO_TRY(bool a, co_await nars_.fill());
    CO_TRY(bool b, co_await narinfos_.fill());
    CO_TRY(bool c, co_await objects_.fill());
    pages_ +=
        static_cast<std::size_t>(a) + static_cast<std::size_t>(b) + static_cast<std::size_t>(c);
    auto place = [](const auto* head) { return head == nullptr ? nullptr : &head->place; };
    auto oldest = oldest_of(place(nars_.head()), place(narinfos_.head()), place(objects_.head()));
    if (!oldest) co_return std::nullopt;
    if (*oldest == 0) co_return Kept(nars_.take());
    if (*oldest == 1) co_return Kept(narinfos_.take());
    co_return Kept(objects_.take());
  }

  // Changes when more has been read.
  std::size_t pages() const { return pages_; }

 private:
  PagedList<db::KeptNar> nars_;
  PagedList<db::KeptNarInfo> narinfos_;
  PagedList<db::KeptObject> objects_;
  std::size_t pages_ = 0;
};

}  // namespace ncps::cache
