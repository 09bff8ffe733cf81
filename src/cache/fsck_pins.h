// The pins of fsck: whether each has its file in the store and its row; one that has only one of them
// gets the other.
#pragma once

#include <string>
#include <vector>

#include "cache/fsck_report.h"

namespace ncps::cache {

class FsckPins {
 public:
  FsckPins(const FsckDeps& deps, const FsckOptions& options, FsckReport& report)
      : deps_(deps), options_(options), report_(report) {}

  // Returns how many files lie there that are none. Errors: unavailable: a listing cannot be read.
  Task<std::uint64_t> look_at_all();

 private:
  boost::asio::awaitable<void> look_again(std::vector<nix::StorePathHash> hashes);
  Task<void> look(nix::StorePathHash hash);
  Task<void> make_row(nix::StorePathHash hash, std::string text);
  Task<void> make_file(db::Pin pin);

  const FsckDeps& deps_;
  const FsckOptions& options_;
  FsckReport& report_;
};

}  // namespace ncps::cache
