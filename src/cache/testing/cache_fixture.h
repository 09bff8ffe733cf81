// CacheFixture: a real store and a real catalog in a folder of their own, with fault doubles before
// them, and upstreams that do what the test tells them.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/testing/temp_dir.h"
#include "cache/downloads.h"
#include "cache/nar_layout.h"
#include "cache/nar_service.h"
#include "cache/testing/sample.h"
#include "db/soci/sqlite_catalog.h"
#include "db/testing/failing_catalog.h"
#include "rt/block_on.h"
#include "rt/testing/drain.h"
#include "rt/testing/gate.h"
#include "storage/local/local_blob_store.h"
#include "storage/testing/failing_blob_store.h"
#include "upstream/testing/fake_upstream.h"

namespace ncps::cache {

// Delays that a test can afford; the rest as in real life.
inline FetchPolicy quick_policy() {
  return {.first_delay = std::chrono::milliseconds(1),
          .longest_delay = std::chrono::milliseconds(2)};
}

struct CacheFixture : ::testing::Test {
  ~CacheFixture() override {
    EXPECT_TRUE(downloads->stop(Deadline::after(std::chrono::seconds(60))));
    disk.join();
    cpu.join();
  }

  upstream::FakeUpstream& add_upstream(std::string name, int priority = 40) {
    auto fresh = std::make_unique<upstream::FakeUpstream>(std::move(name), priority);
    auto& fake = *fresh;
    auto list = *upstreams.now();
    list.push_back(std::move(fresh));
    upstreams.replace(std::move(list));
    return fake;
  }

  void use_limits(DownloadLimits limits) {
    ASSERT_TRUE(downloads->stop(Deadline::never()));
    downloads = std::make_unique<Downloads>(runtime, deps(), limits);
    nars = std::make_unique<NarService>(store, catalog, upstreams, *downloads);
  }

  DownloadDeps deps() {
    return {.store = store, .catalog = catalog, .disk = disk, .cpu = cpu, .policy = quick_policy()};
  }

  // The kind of its Error; absent: there is none. (error() of what succeeded is anything.)
  template <class T>
  static std::optional<ErrorKind> failure_of(const Result<T>& result) {
    return result ? std::nullopt : std::optional(result.error().kind());
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return block_on(runtime, std::move(task));
  }

  // All that a client gets for a NAR's URL.
  Task<testing::Drained> get(nix::NarUrl url) {
    CO_TRY(auto nar, co_await nars->open(std::move(url), Deadline::after(std::chrono::minutes(1))));
    auto source = nar.read(0, nar.size());
    co_return co_await testing::drain(std::move(source));
  }

  // The same on threads of the runtime, meanwhile.
  std::future<Result<testing::Drained>> get_meanwhile(const nix::NarUrl& url) {
    return std::async(std::launch::async, [this, url] { return run(get(url)); });
  }

  DownloadJob job(const Sample& sample) {
    auto list = upstreams.now();
    return job_for(sample.row(list->empty() ? "" : list->front()->name()), *list);
  }

  // How a download ends: what failed it, or nothing.
  std::optional<Error> outcome(std::shared_ptr<Spool> spool) {
    auto started = run(spool->started(Deadline::after(std::chrono::minutes(1))));
    if (!started) return started.error();
    return run(testing::drain(Spool::read(spool, 0, {}, Tail::held))).value().error;
  }

  // Waits until every download has ended and is forgotten.
  void settle() { use_limits({}); }

  bool at_rest(const nix::NarUrl& url) {
    return std::filesystem::exists(root.path() / nar_key(url).str());
  }

  // The disk pool removes what is left of a download, a moment after its last reader has gone.
  bool nothing_temporary() {
    for (auto deadline = Deadline::after(std::chrono::seconds(20)); !deadline.passed();) {
      if (files_in("store/tmp") == 0) return true;
      std::this_thread::yield();
    }
    return false;
  }

  // Files below `folder` of the store, without locks.
  std::size_t files_in(const std::string& folder) {
    std::size_t n = 0;
    auto path = root.path() / folder;
    std::error_code gone;  // a file may go while we look
    for (std::filesystem::recursive_directory_iterator it(path, gone), end; it != end;
         it.increment(gone))
      n += it->is_regular_file(gone) && it->path().filename() != "lock";
    return n;
  }

  // Nothing half-done is visible, and no spool file is left once nobody holds one.
  void expect_nothing_kept() {
    EXPECT_EQ(files_in("store/nar"), 0u);
    EXPECT_TRUE(nothing_temporary());
  }

  testing::TempDir root;
  Runtime runtime{4};  // before all that may post to it
  Pool disk{2}, cpu{2};
  std::unique_ptr<storage::BlobStore> real_store =
      storage::open_local({.root = root.path()}, disk).value();
  std::unique_ptr<db::Catalog> real_catalog = db::open_sqlite(root.path() / "db.sqlite").value();
  testing::FaultPlan faults;
  storage::FailingBlobStore store{*real_store, faults};
  db::FailingCatalog catalog{*real_catalog, faults};
  upstream::UpstreamSet upstreams{{}};
  std::unique_ptr<Downloads> downloads =
      std::make_unique<Downloads>(runtime, deps(), DownloadLimits{});
  std::unique_ptr<NarService> nars =
      std::make_unique<NarService>(store, catalog, upstreams, *downloads);
};

}  // namespace ncps::cache
