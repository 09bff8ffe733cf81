#include "base/check.h"
#include "db/soci/eviction_statements.h"
#include "db/soci/fences.h"
#include "db/soci/session_pools.h"

namespace ncps::db {
namespace {

class SociEviction final : public Eviction {
 public:
  explicit SociEviction(std::shared_ptr<SessionPools> pools) : pools_(std::move(pools)) {}

  Task<KeptTotals> totals() override {
    auto work = [&](Statements& s) -> Result<KeptTotals> {
      return kept_totals(dialect(), s.sql());
    };
    co_return co_await pools_->reader().run<KeptTotals>("adding up what is kept", work);
  }

  Task<std::vector<KeptNar>> nars(Place after, std::size_t most,
                                  std::chrono::sys_seconds grace_from) override {
    CHECK(most <= kMostAtOnce);
    auto work = [&](Statements& s) {
      return kept_nars(dialect(), s.sql(), after, most, grace_from);
    };
    co_return co_await pools_->reader().run<std::vector<KeptNar>>("looking for old NARs", work);
  }

  Task<std::vector<KeptNarInfo>> narinfos(Place after, std::size_t most) override {
    CHECK(most <= kMostAtOnce);
    auto work = [&](Statements& s) { return kept_narinfos(s.sql(), after, most); };
    co_return co_await pools_->reader().run<std::vector<KeptNarInfo>>("looking for old narinfos",
                                                                      work);
  }

  Task<std::vector<KeptObject>> objects(Place after, std::size_t most) override {
    CHECK(most <= kMostAtOnce);
    auto work = [&](Statements& s) -> Result<std::vector<KeptObject>> {
      return kept_objects(s.sql(), after, most);
    };
    co_return co_await pools_->reader().run<std::vector<KeptObject>>("looking for old objects",
                                                                     work);
  }

  Task<bool> claim_round(std::uint64_t fence) override {
    if (fence == 0) co_return true;
    auto work = [&](Statements& s) -> Result<bool> {
      return claim_lease(dialect(), s.sql(), kRound, fence);
    };
    co_return co_await pools_->writer().run<bool>("claiming a round of eviction", work);
  }

  Task<bool> drop(KeptNar nar, std::uint64_t fence) override {
    co_return co_await drop_one(nar, fence);
  }
  Task<bool> drop(KeptNarInfo narinfo, std::uint64_t fence) override {
    co_return co_await drop_one(narinfo, fence);
  }
  Task<bool> drop(KeptObject object, std::uint64_t fence) override {
    co_return co_await drop_one(object, fence);
  }

  Task<void> note_objects(std::vector<ObjectUse> objects, std::chrono::sys_seconds when) override {
    CHECK(objects.size() <= kMostAtOnce);
    auto work = [&](Statements& s) -> Result<void> {
      db::note_objects(dialect(), s.sql(), objects, when);
      return {};
    };
    co_return co_await pools_->writer().run<void>("noting objects", work);
  }

 private:
  const Dialect& dialect() const { return pools_->dialect(); }

  template <class Kept>
  Task<bool> drop_one(const Kept& kept, std::uint64_t fence) {
    auto next = Try::first;
    auto work = [&](Statements& s) -> Result<bool> {
      return db::drop(s.sql(), kept, fence, std::exchange(next, Try::again));
    };
    co_return co_await pools_->writer().template run<bool>("noting that something is evicted",
                                                           work);
  }

  const std::shared_ptr<SessionPools> pools_;
};

class SociPins final : public Pins {
 public:
  explicit SociPins(std::shared_ptr<SessionPools> pools) : pools_(std::move(pools)) {}

  Task<std::vector<Pin>> list() override {
    auto work = [&](Statements& s) { return list_pins(s.sql()); };
    co_return co_await pools_->reader().run<std::vector<Pin>>("listing pins", work);
  }

  Task<bool> add(Pin pin) override {
    auto work = [&](Statements& s) -> Result<bool> {
      return add_pin(pools_->dialect(), s.sql(), pin);
    };
    co_return co_await pools_->writer().run<bool>("adding a pin", work);
  }

  Task<bool> remove(nix::StorePathHash hash) override {
    auto work = [&](Statements& s) -> Result<bool> { return remove_pin(s.sql(), hash); };
    co_return co_await pools_->writer().run<bool>("removing a pin", work);
  }

 private:
  const std::shared_ptr<SessionPools> pools_;
};

}  // namespace

std::unique_ptr<Eviction> make_eviction(std::shared_ptr<SessionPools> pools) {
  return std::make_unique<SociEviction>(std::move(pools));
}

std::unique_ptr<Pins> make_pins(std::shared_ptr<SessionPools> pools) {
  return std::make_unique<SociPins>(std::move(pools));
}

}  // namespace ncps::db
