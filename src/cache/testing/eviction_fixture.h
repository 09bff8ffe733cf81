// EvictionFixture: a whole cache with a limit, and rounds of eviction when the test wants them.
#pragma once

#include "cache/evictor.h"
#include "cache/pinning.h"
#include "cache/testing/nar_info_fixture.h"
#include "cache/testing/test_leases.h"
#include "db/soci/open_catalog.h"

namespace ncps::cache {

struct EvictionFixture : NarInfoFixture {
  EvictionFixture() {
    EXPECT_TRUE(service->stop(Deadline::never()));
    service.reset();
    EXPECT_TRUE(downloads->stop(Deadline::never()));
    auto with_space = deps();
    with_space.space = &space;
    downloads = std::make_unique<Downloads>(runtime, with_space, DownloadLimits{});
    nars = std::make_unique<NarService>(store, catalog, upstreams, *downloads);
    service = std::make_unique<NarInfoService>(runtime, store, catalog, upstreams, *downloads, cpu,
                                               live_trust, policy);
    evictor = std::make_unique<Evictor>(runtime, evictor_deps(store));
  }
  ~EvictionFixture() override {
    space.stop();
    EXPECT_TRUE(service->stop(Deadline::after(std::chrono::seconds(60))));
    EXPECT_TRUE(downloads->stop(Deadline::after(std::chrono::seconds(60))));
    EXPECT_TRUE(evictor->stop(Deadline::after(std::chrono::seconds(60))));
    evictor.reset();
  }

  EvictorDeps evictor_deps(storage::BlobStore& from) {
    return {.store = from,
            .catalog = catalog,
            .rows = *database.eviction,
            .pins = *database.pins,
            .downloads = *downloads,
            .nars = *nars,
            .narinfos = *service,
            .locks = locks,
            .uses = uses,
            .space = space,
            .leases = leases,
            .forget = [this](const nix::StorePathHash& hash) {
              forgotten.with([&](auto& all) { all.push_back(hash); });
            }};
  }

  void limit(SpaceLimits limits) { space.use(limits); }
  static SpaceLimits max(std::uint64_t bytes) { return {.max_size = bytes, .min_free = {}}; }
  Evictor::Outcome round(Why why = Why::needed) { return run(evictor->round(why)).value(); }

  // A store path that the upstream has, refers to `references`, and is kept here with its NAR;
  // used at that minute.
  Sample kept_since(int minute, std::string_view name, std::size_t size = 2'000,
                    std::vector<const Sample*> references = {}) {
    auto sample = offered(name, size, std::move(references));
    EXPECT_TRUE(find(sample).value());
    EXPECT_TRUE(run(get(sample.url())));
    wait_stored(sample);
    use(sample, minute);
    return sample;
  }
  Sample offered(std::string_view name, std::size_t size = 2'000,
                 std::vector<const Sample*> references = {}) {
    auto sample = make_sample(name, size);
    for (const auto* one : references) sample.info.references.push_back(one->info.store_path);
    sample.sign(upstream_key);
    offer(a, sample);
    a.nar(sample.info.url, {.bytes = sample.file});
    return sample;
  }
  void use(const Sample& sample, int minute) {
    auto when =
        std::chrono::sys_days(std::chrono::January / 1 / 2020) + std::chrono::minutes(minute);
    EXPECT_TRUE(run(real_catalog->note_uses({.narinfos = {sample.hash()}, .nars = {}}, when)));
  }
  // Until the download has ended, not only its bytes.
  void wait_stored(const Sample& sample) {
    for (auto deadline = Deadline::after(std::chrono::minutes(2)); !deadline.passed();) {
      if (!downloads->find(sample.url())) return;
      std::this_thread::yield();
    }
    ADD_FAILURE() << "it is still being stored";
  }
  bool here(const Sample& sample) { return at_rest(sample.url()); }
  // Neither row nor file of the narinfo, nor the NAR.
  bool gone(const Sample& sample) { return !here(sample) && !kept(sample); }
  std::uint64_t bytes_in_store() {
    std::uint64_t bytes = 0;
    std::error_code gone;  // a file may go while we look
    for (std::filesystem::recursive_directory_iterator it(root.path() / "store/nar", gone), end;
         it != end; it.increment(gone)) {
      auto size = it->is_regular_file(gone) ? it->file_size(gone) : 0;
      if (!gone) bytes += size;
    }
    return bytes;
  }

  upstream::FakeUpstream& a = add_upstream("a");
  db::Database database =
      db::open_database(
          {.kind = db::DatabaseKind::sqlite, .sqlite_path = root.path() / "db.sqlite"}, {})
          .value();
  UseLog uses{runtime, catalog, database.eviction.get()};
  TestLeases leases;
  UploadLocks locks;
  Guarded<std::vector<nix::StorePathHash>> forgotten;
  Guarded<std::optional<storage::FreeSpace>> disk_says;  // absent: there is no disk to watch
  Space space{{}, [this]() -> Task<std::optional<storage::FreeSpace>> {
                co_return disk_says.with([](auto& disk) { return disk; });
              }};
  std::unique_ptr<Evictor> evictor;
};

}  // namespace ncps::cache
