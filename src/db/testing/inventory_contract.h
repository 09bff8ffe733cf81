// What an Inventory promises.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "crypto/sha256.h"
#include "db/inventory.h"
#include "rt/testing/run_sync.h"

namespace ncps::db {

// A catalog and an inventory of the same rows.
struct Both {
  std::shared_ptr<Catalog> catalog;
  std::shared_ptr<Inventory> inventory;
  std::shared_ptr<Pins> pins;
};

class InventoryContract : public ::testing::TestWithParam<std::function<Both()>> {
 protected:
  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }
  static Time at(int minute) {
    return std::chrono::sys_days(std::chrono::January / 1 / 2030) + std::chrono::minutes(minute);
  }
  static nix::NarUrl url(const std::string& stem) {
    return nix::NarUrl::parse("nar/" + stem + ".nar.xz").value();
  }
  static NarRow row(const std::string& stem) {
    return {.url = url(stem),
            .nar_hash = nix::Hash(crypto::sha256(stem)),
            .nar_size = 5'000'000'000,
            .compression = nix::Compression::xz,
            .file_hash = nix::Hash(crypto::sha256("file " + stem)),
            .file_size = 77,
            .upstream = "https://a.example",
            .upstream_url = "nar/there.nar.xz",
            .stored_size = {}};
  }
  // The n-th narinfo, with its NAR.
  static std::string name(int n) { return fmt::format("{:032}", n); }
  void add(int n) {
    auto nar = row(name(n));
    NarInfoRow narinfo{.hash = nix::StorePathHash::parse(name(n)).value(),
                       .text = "text " + name(n),
                       .upstream = nar.upstream,
                       .nar_url = nar.url};
    ASSERT_TRUE(run(catalog->put_narinfo(narinfo, nar)));
  }

  boost::asio::io_context io{1};
  Both both = GetParam()();
  Catalog* catalog = both.catalog.get();
  Inventory* inventory = both.inventory.get();
};

TEST_P(InventoryContract, AnEmptyOneHasOnePageWithoutEntries) {
  auto narinfos = run(inventory->narinfos("")).value();
  EXPECT_TRUE(narinfos.entries.empty() && narinfos.end);
  auto nars = run(inventory->nars("")).value();
  EXPECT_TRUE(nars.entries.empty() && nars.end);
  EXPECT_EQ(run(inventory->totals()).value().narinfos, 0u);
  EXPECT_TRUE(run(inventory->counts(30)).value().empty());
}

TEST_P(InventoryContract, PagesHaveAllRowsInOrderWithoutGapOrRepetition) {
  constexpr int kMany = 501;
  for (int n = kMany - 1; n >= 0; --n) add(n);
  std::vector<std::string> narinfos, nars;
  for (std::string after;;) {
    auto page = run(inventory->narinfos(after)).value();
    for (const auto& entry : page.entries) {
      EXPECT_TRUE(entry.has_text);
      EXPECT_EQ(entry.nar_url, url(entry.hash));
      narinfos.push_back(entry.hash);
    }
    if (page.end) break;
    after = page.last;
  }
  for (std::string after;;) {
    auto page = run(inventory->nars(after)).value();
    for (const auto& entry : page.entries) nars.emplace_back(entry.row.url.stem());
    if (page.end) break;
    after = page.last;
  }
  ASSERT_EQ(narinfos.size(), std::size_t(kMany));
  for (int n = 0; n < kMany; ++n) EXPECT_EQ(narinfos[n], name(n));
  EXPECT_EQ(nars, narinfos);
}

TEST_P(InventoryContract, ObjectsComeInTheOrderOfTheBytesOfTheirKeys) {
  constexpr int kMany = 501;
  for (int n = kMany - 1; n >= 0; --n)
    ASSERT_TRUE(run(inventory->put_object({.key = "store/log/" + name(n), .size = 7})));
  std::vector<std::string> keys;
  for (std::string after;;) {
    auto page = run(inventory->objects(after)).value();
    for (const auto& entry : page.entries) keys.push_back(entry.key);
    if (page.end) break;
    after = page.last;
  }
  ASSERT_EQ(keys.size(), std::size_t(kMany));
  for (int n = 0; n < kMany; ++n) EXPECT_EQ(keys[n], "store/log/" + name(n));
  for (auto key : {"store/log/a-B", "store/log/a-b", "store/log/a+b", "store/debuginfo/x.debug"})
    ASSERT_TRUE(run(inventory->put_object({.key = key, .size = 1})));
  EXPECT_EQ(run(inventory->objects("")).value().entries[0].key, "store/debuginfo/x.debug");
  std::string behind;
  for (const auto& entry : run(inventory->objects("store/log/9")).value().entries)
    behind += entry.key.substr(10) + " ";
  EXPECT_EQ(behind, "a+b a-B a-b ");
}

TEST_P(InventoryContract, AnObjectIsPutCorrectedAndForgotten) {
  const std::string key = "store/log/x";
  EXPECT_FALSE(run(inventory->find_object(key)).value());
  ASSERT_TRUE(run(inventory->put_object({.key = key, .size = 5'000'000'000})));
  EXPECT_EQ(run(inventory->find_object(key)).value()->size, 5'000'000'000u);
  ASSERT_TRUE(run(inventory->put_object({.key = key, .size = 3})));
  EXPECT_EQ(run(inventory->find_object(key)).value()->size, 3u);
  ASSERT_TRUE(run(inventory->remove_object(key)));
  ASSERT_TRUE(run(inventory->remove_object(key)));
  EXPECT_FALSE(run(inventory->find_object(key)).value());
}

TEST_P(InventoryContract, WhatAClientHasSentIsToldAsSuch) {
  add(1);
  auto nar = row(name(2));
  ASSERT_TRUE(run(catalog->put_narinfo({.hash = nix::StorePathHash::parse(name(2)).value(),
                                        .text = "sent",
                                        .upstream = "",
                                        .nar_url = nar.url,
                                        .uploaded = true},
                                       nar)));
  EXPECT_TRUE(run(inventory->find_narinfo(name(2))).value()->uploaded);
  auto page = run(inventory->narinfos("")).value();
  ASSERT_EQ(page.entries.size(), 2u);
  EXPECT_FALSE(page.entries[0].uploaded);
  EXPECT_TRUE(page.entries[1].uploaded);
}

TEST_P(InventoryContract, ARowComesAsItWasPut) {
  add(1);
  auto found = run(inventory->find_nar(url(name(1)))).value();
  ASSERT_TRUE(found);
  auto expected = row(name(1));
  EXPECT_EQ(found->row.nar_hash, expected.nar_hash);
  EXPECT_EQ(found->row.nar_size, expected.nar_size);
  EXPECT_EQ(found->row.file_hash, expected.file_hash);
  EXPECT_EQ(found->row.file_size, expected.file_size);
  EXPECT_EQ(found->row.upstream_url, expected.upstream_url);
  EXPECT_EQ(found->row.stored_size, std::nullopt);
  EXPECT_EQ(found->verified, std::nullopt);
  EXPECT_EQ(run(inventory->find_text(name(1))).value()->text, "text " + name(1));
  EXPECT_FALSE(run(inventory->find_text(name(1))).value()->uploaded);
  auto narinfo = run(inventory->find_narinfo(name(1))).value();
  EXPECT_TRUE(narinfo && !narinfo->uploaded);
  EXPECT_FALSE(run(inventory->find_narinfo(name(2))).value());
  EXPECT_FALSE(run(inventory->find_text(name(2))).value());
  EXPECT_FALSE(run(inventory->find_nar(url("none"))).value());
}

TEST_P(InventoryContract, WhatIsStoredIsVerifiedThenAndWhatIsOnlyFoundIsNot) {
  for (int n = 0; n < 4; ++n) add(n);
  ASSERT_TRUE(run(catalog->mark_stored(url(name(0)), 10)));
  ASSERT_TRUE(run(inventory->mark_stored(url(name(1)), 11)));
  ASSERT_TRUE(run(inventory->mark_stored(url(name(2)), 5'000'000'000)));
  auto least = [&](std::size_t most, Time before) {
    std::string text;
    for (const auto& entry : run(inventory->least_verified(most, before)).value())
      text += entry.row.url.stem().back() + std::to_string(*entry.row.stored_size) + " ";
    return text;
  };
  ASSERT_TRUE(run(inventory->mark_verified({url(name(2)), url("none")}, at(1))));
  EXPECT_EQ(least(10, at(5)), "111 010 25000000000 ");
  EXPECT_EQ(least(2, at(5)), "111 010 ");
  EXPECT_EQ(least(10, at(1)), "111 010 ");  // not since then
  ASSERT_TRUE(run(inventory->mark_gone(url(name(1)))));
  EXPECT_EQ(least(10, at(5)), "010 25000000000 ");
  EXPECT_EQ(run(inventory->find_nar(url(name(2)))).value()->verified, at(1));
  auto gone = run(inventory->find_nar(url(name(1)))).value();
  EXPECT_TRUE(gone && !gone->row.stored_size);
}

}  // namespace ncps::db
