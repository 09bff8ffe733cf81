// What every Catalog promises, as a suite that each implementation instantiates.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "db/catalog.h"
#include "rt/testing/run_sync.h"

namespace ncps::db {

using CatalogFactory = std::function<std::shared_ptr<Catalog>()>;

class CatalogContract : public ::testing::TestWithParam<CatalogFactory> {
 protected:
  static nix::StorePathHash hash(char c) {
    return nix::StorePathHash::parse(std::string(nix::StorePathHash::kLength, c)).value();
  }

  static NarRow nar(std::string_view url) {
    return {.url = nix::NarUrl::parse(url).value(),
            .nar_hash = nix::Hash(crypto::sha256(url)),
            .nar_size = 5'000'000'000,
            .compression = nix::Compression::xz,
            .file_hash = nix::Hash(crypto::sha256("file")),
            .file_size = 4'999'999'999,
            .upstream = "https://cache.example",
            .upstream_url = std::string(url),
            .stored_size = {}};
  }

  static NarInfoRow narinfo(char c, const NarRow& of) {
    return {.hash = hash(c),
            .text = "StorePath: x\nwith 'quotes' and \"more\"\n",
            .upstream = of.upstream,
            .nar_url = of.url};
  }

  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }

  boost::asio::io_context io{1};
  std::shared_ptr<Catalog> catalog = GetParam()();
};

TEST_P(CatalogContract, SaysThatItIsThere) {
  EXPECT_TRUE(run(catalog->check()));
}

TEST_P(CatalogContract, AbsenceIsAnAnswer) {
  EXPECT_EQ(run(catalog->find_narinfo(hash('a'))).value().has_value(), false);
  EXPECT_EQ(run(catalog->find_nar(nar("nar/none.nar").url)).value().has_value(), false);
  EXPECT_TRUE(run(catalog->mark_stored(nar("nar/none.nar").url, 7)));
  EXPECT_EQ(run(catalog->find_nar(nar("nar/none.nar").url)).value().has_value(), false);
}

TEST_P(CatalogContract, ANarInfoAndItsNarComeBackAsTheyWerePut) {
  auto n = nar("nar/one.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('a', n), n)));
  auto row = run(catalog->find_narinfo(hash('a'))).value().value();
  EXPECT_EQ(row.text, narinfo('a', n).text);
  EXPECT_EQ(row.upstream, "https://cache.example");
  EXPECT_EQ(row.nar_url, n.url);
  auto back = run(catalog->find_nar(n.url)).value().value();
  EXPECT_EQ(back.nar_hash, n.nar_hash);
  EXPECT_EQ(back.nar_size, n.nar_size);
  EXPECT_EQ(back.compression, n.compression);
  EXPECT_EQ(back.file_hash, n.file_hash);
  EXPECT_EQ(back.file_size, n.file_size);
  EXPECT_EQ(back.upstream, n.upstream);
  EXPECT_EQ(back.upstream_url, n.upstream_url);
  EXPECT_EQ(back.stored_size, std::nullopt);
}

TEST_P(CatalogContract, WhatTheUpstreamDidNotSayStaysAbsent) {
  auto n = nar("nar/two.nar");
  n.file_hash.reset();
  n.file_size.reset();
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('b', n), n)));
  auto back = run(catalog->find_nar(n.url)).value().value();
  EXPECT_EQ(back.file_hash, std::nullopt);
  EXPECT_EQ(back.file_size, std::nullopt);
}

TEST_P(CatalogContract, PuttingAgainReplaces) {
  auto n = nar("nar/three.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('c', n), n)));
  auto again = narinfo('c', n);
  again.text = "new\n";
  n.upstream = "https://other.example";
  n.file_size = 7;
  ASSERT_TRUE(run(catalog->put_narinfo(again, n)));
  EXPECT_EQ(run(catalog->find_narinfo(hash('c'))).value()->text, "new\n");
  auto back = run(catalog->find_nar(n.url)).value().value();
  EXPECT_EQ(back.upstream, "https://other.example");
  EXPECT_EQ(back.file_size, 7u);
}

TEST_P(CatalogContract, WhatIsAtRestStaysWhatItIs) {
  auto n = nar("nar/rest.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('c', n), n)));
  ASSERT_TRUE(run(catalog->mark_stored(n.url, 1234)));
  auto other = n;
  other.file_hash = nix::Hash(crypto::sha256("another file of the same NAR"));
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('d', other), other)));
  auto back = run(catalog->find_nar(n.url)).value().value();
  EXPECT_EQ(back.file_hash, n.file_hash);
  EXPECT_EQ(back.stored_size, 1234u);
  EXPECT_EQ(run(catalog->find_narinfo(hash('d'))).value()->nar_url, n.url);
}

TEST_P(CatalogContract, AnUpstreamThatIsNotKnownAnyMoreReplacesNone) {
  auto n = nar("nar/origin.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('c', n), n)));
  auto later = n;
  later.upstream.clear();
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('c', later), later)));
  EXPECT_EQ(run(catalog->find_nar(n.url)).value()->upstream, n.upstream);
  EXPECT_EQ(run(catalog->find_narinfo(hash('c'))).value()->upstream, n.upstream);
}

TEST_P(CatalogContract, TwoNarInfosMayShareOneNar) {
  auto n = nar("nar/shared.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('d', n), n)));
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('f', n), n)));
  EXPECT_EQ(run(catalog->find_narinfo(hash('d'))).value()->nar_url, n.url);
  EXPECT_EQ(run(catalog->find_narinfo(hash('f'))).value()->nar_url, n.url);
}

TEST_P(CatalogContract, AnAnnouncedUrlBelongsToOneNarForEver) {
  auto n = nar("nar/taken.nar.xz");
  ASSERT_TRUE(run(catalog->put_narinfo(narinfo('a', n), n)));
  auto other = n;
  other.nar_hash = nix::Hash(crypto::sha256("another"));
  EXPECT_EQ(run(catalog->put_narinfo(narinfo('b', other), other)).error().kind(),
            ErrorKind::conflict);
  other = n;
  other.compression = nix::Compression::zstd;
  EXPECT_EQ(run(catalog->put_narinfo(narinfo('b', other), other)).error().kind(),
            ErrorKind::conflict);
  EXPECT_FALSE(run(catalog->find_narinfo(hash('b'))).value());  // neither
  EXPECT_EQ(run(catalog->find_nar(n.url)).value()->nar_hash, n.nar_hash);
  EXPECT_TRUE(run(catalog->put_narinfo(narinfo('b', n), n)));
}

}  // namespace ncps::db
