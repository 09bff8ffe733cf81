// A download onto a disk of which each call fails in its turn, in every way.
#include "cache/testing/cache_fixture.h"
#include "db/soci/open_inventory.h"
#include "storage/testing/faulty_file_ops.h"

namespace ncps::cache {
namespace {

using How = storage::FaultyFileOps::How;

struct DownloadDisk : CacheFixture {
  Sample sample = make_sample("a", 150'000);
  // There is always room, so what was refused for want of it is done again.
  Space space{{}, []() -> Task<std::optional<storage::FreeSpace>> {
                co_return storage::FreeSpace{.free = 1 << 30, .capacity = 1 << 30};
              }};
  std::unique_ptr<db::Inventory> inventory =
      db::open_inventory(
          {.kind = db::DatabaseKind::sqlite, .sqlite_path = root.path() / "db.sqlite"},
          db::InventoryAccess::write)
          .value();

  // What a client gets that asks for it, on that disk; then what lies there.
  void fetch(storage::FaultyFileOps& ops, const std::string& when) {
    testing::TempDir folder;
    Pool own_disk(2);
    {
      auto own = storage::open_local({.root = folder.path(), .ops = ops}, own_disk);
      if (!own) return;
      DownloadDeps deps{.store = **own,
                        .catalog = *real_catalog,
                        .disk = own_disk,
                        .cpu = cpu,
                        .policy = quick_policy(),
                        .space = &space};
      Downloads own_downloads(runtime, deps, {});
      NarService own_nars(**own, *real_catalog, upstreams, own_downloads);
      auto ask = [&]() -> Task<testing::Drained> {
        auto deadline = Deadline::after(std::chrono::minutes(1));
        CO_TRY(auto nar, co_await own_nars.open(sample.url(), deadline));
        auto source = nar.read(0, nar.size());
        co_return co_await testing::drain(std::move(source));
      };
      auto got = run(ask());
      // All of it was right by then. Who reads the file while the kernel throws it away reads that.
      if (got && !got->error && !ops.lost_at_sync())
        EXPECT_TRUE(got->bytes == sample.file) << when << ": wrong bytes served";
      EXPECT_TRUE(own_downloads.stop(Deadline::after(std::chrono::seconds(60)))) << when;
      auto key = nar_key(sample.url());
      auto kept = run((*own)->find_text(key)).value();
      EXPECT_TRUE(!kept || *kept == sample.file) << when << ": half of it is visible";
      EXPECT_TRUE(run(inventory->mark_gone(sample.url())));
      own_disk.join();
    }
  }
};

TEST_F(DownloadDisk, WhicheverCallFailsNothingWrongIsServedOrKept) {
  auto& upstream = add_upstream("u");
  upstream.nar(sample.info.url, {.bytes = sample.file, .piece = 40'000});
  ASSERT_TRUE(run(real_catalog->put_narinfo(
      {.hash = sample.hash(), .text = sample.text(), .upstream = "u", .nar_url = sample.url()},
      sample.row("u"))));
  struct Fault {
    const char* name;
    How how;
    int error;
    bool late = false;
  };
  for (auto fault :
       {Fault{"EIO", How::error, EIO}, Fault{"ENOSPC", How::error, ENOSPC},
        Fault{"short", How::short_write, ENOSPC}, Fault{"all fail", How::power_cut, ENOSPC},
        Fault{"lost", How::lost_pages, ENOSPC},
        Fault{"lost and late", How::lost_pages, ENOSPC, true}}) {
    int calls = 0;
    for (int n = 1;; ++n, ++calls) {
      storage::FaultyFileOps ops;
      if (fault.late) ops.tell_late();
      ops.fail_nth(n, fault.how, fault.error);
      fetch(ops, std::string(fault.name) + " at call " + std::to_string(n));
      if (!ops.fired()) break;
    }
    EXPECT_GT(calls, 15) << fault.name;
  }
}

}  // namespace
}  // namespace ncps::cache
