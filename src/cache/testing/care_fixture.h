// CareFixture: what is kept, with an inventory of it, and ways to damage it.
#pragma once

#include <sys/stat.h>

#include <fstream>

#include "cache/fsck.h"
#include "cache/testing/nar_info_fixture.h"
#include "db/soci/open_import.h"
#include "db/soci/open_inventory.h"
#include "db/upload_rows.h"

namespace ncps::cache {

struct CareFixture : NarInfoFixture {
  // As it lies there after a client has fetched it.
  Sample keep(std::string_view name, std::size_t size = 2'000) {
    auto sample = signed_sample(name, size);
    write(narinfo_key(sample.hash()), sample.text());
    write(nar_key(sample.url()), sample.file);
    put_rows(sample);
    EXPECT_TRUE(run(real_catalog->mark_stored(sample.url(), sample.file.size())));
    return sample;
  }
  // As it lies there after a client has sent it: no upstream's key has signed it.
  Sample keep_upload(std::string_view name, std::size_t size = 2'000) {
    auto sample = make_sample(name, size);
    write(nar_key(sample.url()), sample.file);
    EXPECT_TRUE(run(UploadMarks(store).put(sample.info)));
    write(narinfo_key(sample.hash()), sample.text());
    put_upload_rows(sample);
    return sample;
  }
  void put_upload_rows(const Sample& sample) {
    auto nar = sample.row("");
    nar.stored_size = sample.file.size();
    EXPECT_TRUE(run(real_catalog->uploads().put_nar(nar)));
    EXPECT_TRUE(run(real_catalog->put_narinfo({.hash = sample.hash(),
                                               .text = sample.text(),
                                               .upstream = "",
                                               .nar_url = nar.url,
                                               .uploaded = true},
                                              nar)));
  }
  // Nothing is left of it that could promise it.
  void expect_withdrawn(const Sample& sample) {
    EXPECT_FALSE(lies(nar_key(sample.url())));
    EXPECT_FALSE(lies(upload_mark_key(sample.hash())));
    EXPECT_FALSE(kept(sample));
    EXPECT_FALSE(entry(sample.url()));
    EXPECT_FALSE(find(sample).value());
  }
  void put_rows(const Sample& sample) {
    auto nar = sample.row("https://u.example");
    EXPECT_TRUE(run(real_catalog->put_narinfo({.hash = sample.hash(),
                                               .text = sample.text(),
                                               .upstream = nar.upstream,
                                               .nar_url = nar.url},
                                              nar)));
  }

  void write(const storage::BlobKey& key, std::string_view bytes) {
    auto path = root.path() / key.str();
    std::filesystem::create_directories(path.parent_path());
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
    ::chmod(path.c_str(), 0400);
  }
  std::string read(const storage::BlobKey& key) {
    std::ifstream in(root.path() / key.str(), std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  void flip(const Sample& sample) {
    auto file = sample.file;
    file[file.size() / 2] ^= 1;
    write(nar_key(sample.url()), file);
  }
  bool lies(const storage::BlobKey& key) {
    return std::filesystem::exists(root.path() / key.str());
  }
  std::optional<db::NarEntry> entry(const nix::NarUrl& url) {
    return run(inventory->find_nar(url)).value();
  }

  db::DatabaseUrl url{.kind = db::DatabaseKind::sqlite, .sqlite_path = root.path() / "db.sqlite"};
  std::unique_ptr<db::Inventory> inventory =
      db::open_inventory(url, db::InventoryAccess::write).value();
};

}  // namespace ncps::cache
