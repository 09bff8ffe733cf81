// PeersFixture: several instances in one process, with one store, one catalog and one place for leases,
// that read from each other without a network, and break when the test says so.
#pragma once

#include <atomic>

#include "cache/testing/cache_fixture.h"
#include "cache/testing/test_leases.h"

namespace ncps::cache {

// What one instance gives of a spool, until it is killed.
class SpoolBody final : public ByteSource {
 public:
  SpoolBody(std::unique_ptr<ByteSource> source, std::uint64_t first,
            std::shared_ptr<std::atomic<std::uint64_t>> breaks_at,
            std::shared_ptr<std::atomic<std::uint64_t>> wrong_at)
      : source_(std::move(source)),
        next_(first),
        breaks_at_(std::move(breaks_at)),
        wrong_at_(std::move(wrong_at)) {}

  Task<Piece> next() override {
    if (next_ >= *breaks_at_) co_return fail(ErrorKind::upstream, "the other instance has died");
    CO_TRY(auto piece, co_await source_->next());
    CO_TRY(bytes_, testing::bytes_of(piece));
    auto breaks = std::max(breaks_at_->load(), next_);
    if (next_ + bytes_.size() > breaks) bytes_.resize(breaks - next_);
    auto wrong = wrong_at_->load();
    if (wrong >= next_ && wrong < next_ + bytes_.size()) bytes_[wrong - next_] ^= 1;
    next_ += bytes_.size();
    if (bytes_.empty() && next_ >= *breaks_at_)
      co_return fail(ErrorKind::upstream, "the other instance has died");
    co_return Piece(std::string_view(bytes_));
  }

 private:
  std::unique_ptr<ByteSource> source_;
  std::uint64_t next_;
  std::shared_ptr<std::atomic<std::uint64_t>> breaks_at_, wrong_at_;
  std::string bytes_;
};

class TestPeers final : public peer::PeerReader {
 public:
  struct Peer {
    Downloads* downloads = nullptr;
    std::shared_ptr<std::atomic<std::uint64_t>> breaks_at =
        std::make_shared<std::atomic<std::uint64_t>>(upstream::kNoByte);
    std::shared_ptr<std::atomic<std::uint64_t>> wrong_at =
        std::make_shared<std::atomic<std::uint64_t>>(upstream::kNoByte);
    std::optional<Error> refuses = {};
    std::optional<upstream::FakeNar> says = {};  // this, whatever it has
    bool silent = false;                         // nothing comes until the deadline
  };

  // Changes what an instance does from now on.
  void at(const std::string& url, const std::function<void(Peer&)>& change) {
    peers_.with([&](auto& peers) { change(peers[url]); });
  }
  // Breaks what is read from it at that byte, and lets nobody begin.
  void kill(const std::string& url, std::uint64_t at_byte = 0) {
    at(url, [&](Peer& p) {
      p.breaks_at->store(at_byte);
      p.refuses = Error(ErrorKind::upstream, url + ": nobody there");
    });
  }
  std::vector<std::uint64_t> asked(const std::string& url) const {
    return calls_.with([&](const auto& calls) {
      std::vector<std::uint64_t> bytes;
      for (const auto& [who, first] : calls)
        if (who == url) bytes.push_back(first);
      return bytes;
    });
  }

  Task<std::optional<upstream::FileBody>> open(peer::PeerAt at, nix::NarUrl url,
                                               std::uint64_t first, Deadline deadline) override {
    calls_.with([&](auto& calls) { calls.emplace_back(at.url, first); });
    auto peer = peers_.with([&](auto& peers) -> std::optional<Peer> {
      auto it = peers.find(at.url);
      return it == peers.end() ? std::nullopt : std::optional(it->second);
    });
    if (!peer) co_return fail(ErrorKind::upstream, "that is no instance");
    if (peer->refuses) co_return std::unexpected(*peer->refuses);
    if (peer->silent) {
      co_await sleep_for(deadline.remaining());
      co_return fail(ErrorKind::timeout, "silent");
    }
    if (peer->says) {
      upstream::FileBody body{
          .first_byte = first,
          .total = peer->says->total,
          .bytes = std::make_unique<upstream::FakeNarBody>(at.url, *peer->says, first)};
      co_return std::optional(std::move(body));
    }
    auto spool = peer->downloads->for_peer(url, at.fence);
    if (!spool) co_return std::nullopt;
    CO_TRY(auto view, co_await spool->started(deadline));
    auto source = Spool::read(spool, first, {}, Tail::open);
    upstream::FileBody body{.first_byte = first,
                            .total = view.total,
                            .bytes = std::make_unique<SpoolBody>(std::move(source), first,
                                                                 peer->breaks_at, peer->wrong_at)};
    co_return std::optional(std::move(body));
  }

 private:
  Guarded<std::map<std::string, Peer>> peers_;
  Guarded<std::vector<std::pair<std::string, std::uint64_t>>> calls_;
};

struct PeersFixture : CacheFixture {
  struct Instance {
    std::string url;
    Sharing sharing;
    std::unique_ptr<Downloads> downloads;
    std::unique_ptr<NarService> nars;
  };

  ~PeersFixture() override {
    for (auto* one : {&a, &b, &c}) {
      one->downloads->cut_off();
      EXPECT_TRUE(one->downloads->stop(Deadline::after(std::chrono::seconds(60))));
    }
  }

  std::unique_ptr<Instance> instance(const std::string& url) {
    auto one = std::make_unique<Instance>(
        Instance{.url = url,
                 .sharing = {.leases = leases,
                             .peers = &peers,
                             .address = [url] { return url; },
                             .follow = {.patience = std::chrono::seconds(60),
                                        .look_again = std::chrono::milliseconds(1)}},
                 .downloads = {},
                 .nars = {}});
    auto with = deps();
    with.sharing = &one->sharing;
    one->downloads = std::make_unique<Downloads>(runtime, with, DownloadLimits{});
    one->nars = std::make_unique<NarService>(store, catalog, upstreams, *one->downloads);
    peers.at(url, [&](TestPeers::Peer& p) { p.downloads = one->downloads.get(); });
    return one;
  }

  // What a client gets there.
  struct Got {
    std::string bytes, how;
    std::optional<Error> error;
  };
  Task<Got> get_from(Instance& one, nix::NarUrl url, std::uint64_t first = 0,
                     std::optional<std::uint64_t> length = {}) {
    auto nar = co_await one.nars->open(std::move(url), Deadline::after(std::chrono::minutes(1)));
    if (!nar) co_return Got{.error = nar.error()};
    auto how = std::string(nar->how());
    CO_TRY(auto drained, co_await testing::drain(nar->read(first, length)));
    co_return Got{std::move(drained.bytes), how, drained.error};
  }
  std::future<Got> client(Instance& one, const nix::NarUrl& url, std::uint64_t first = 0,
                          std::optional<std::uint64_t> length = {}) {
    return std::async(std::launch::async, [this, &one, url, first, length] {
      return run(get_from(one, url, first, length)).value();
    });
  }

  // Waits for it. False: it has not come within 20 s.
  static bool until(const std::function<bool()>& true_now) {
    for (auto deadline = Deadline::after(std::chrono::seconds(20)); !deadline.passed();) {
      if (true_now()) return true;
      std::this_thread::yield();
    }
    return false;
  }
  // So many bytes of it have come there.
  bool has(Instance& one, const nix::NarUrl& url, std::uint64_t bytes) {
    return until([&] {
      auto spool = one.downloads->find(url);
      return spool && spool->view().size >= bytes;
    });
  }
  bool idle(Instance& one, const nix::NarUrl& url) {
    return until([&] { return one.downloads->find(url) == nullptr; });
  }
  void announce(const db::NarRow& row, const Sample& sample) {
    EXPECT_TRUE(run(catalog.put_narinfo({.hash = sample.hash(),
                                         .text = sample.text(),
                                         .upstream = row.upstream,
                                         .nar_url = row.url},
                                        row)));
  }
  static std::string lease_of(const nix::NarUrl& url) { return download_lease(url); }

  TestLeases leases;
  TestPeers peers;
  std::unique_ptr<Instance> a_ = instance("http://a:1"), b_ = instance("http://b:1"),
                            c_ = instance("http://c:1");
  Instance &a = *a_, &b = *b_, &c = *c_;
};

}  // namespace ncps::cache
