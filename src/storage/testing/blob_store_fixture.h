// The fixture of blob_store_contract.h: a store, and what its tests do with it all the time.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "rt/testing/run_sync.h"
#include "storage/blob_store.h"

namespace ncps::storage {

using BlobStoreFactory = std::function<std::shared_ptr<BlobStore>()>;

class BlobStoreContract : public ::testing::TestWithParam<BlobStoreFactory> {
 protected:
  static BlobKey key(std::string_view text) { return BlobKey::parse(text).value(); }

  template <class T>
  Result<T> run(Task<T> task) {
    return ncps::testing::run_sync(io, std::move(task));
  }

  Result<void> put(std::string_view name, std::string_view bytes) {
    TRY(auto staged, run(store->stage(key(name))));
    TRY(staged->file().append(bytes));
    staged->grown();
    return run(staged->publish());
  }

  static std::string pattern(std::size_t size) {
    std::string out(size, '\0');
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 2654435761U >> 13);
    return out;
  }

  // Reads pieces of both kinds into one string.
  std::string drain(ByteSource& source) {
    std::string all;
    for (;;) {
      auto piece = run(source.next()).value();
      if (piece_size(piece) == 0) return all;
      if (auto* text = std::get_if<std::string_view>(&piece)) {
        all.append(*text);
        continue;
      }
      auto span = std::get<FileSpan>(piece);
      std::string part(span.length, '\0');
      EXPECT_EQ(::pread(span.fd, part.data(), part.size(), static_cast<off_t>(span.offset)),
                static_cast<ssize_t>(span.length));
      all.append(part);
    }
  }

  std::string text_of(std::string_view name) {
    auto blob = run(store->open(key(name))).value();
    auto source = blob->read(0, blob->size());
    return drain(*source);
  }

  boost::asio::io_context io{1};  // before `store`: outlives the threads behind it
  std::shared_ptr<BlobStore> store = GetParam()();
};

}  // namespace ncps::storage
