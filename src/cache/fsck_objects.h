// The logs, listings, realisations and debug links of fsck: whether each of them counts, with its
// size. What they should hold nothing says.
#pragma once

#include <string>

#include "cache/fsck_look.h"
#include "cache/fsck_report.h"

namespace ncps::cache {

class FsckObjects {
 public:
  FsckObjects(const FsckDeps& deps, const FsckOptions& options, FsckReport& report)
      : deps_(deps), options_(options), report_(report) {}

  // Store and row seemed to differ about the object of that key. `published`: as it was listed.
  boost::asio::awaitable<void> look_again(std::string key, db::Time published);

 private:
  Task<void> look(const std::string& key, db::Time published);
  Task<std::optional<Lying>> lying(const std::string& key, db::Time published) const;
  Task<void> forget(const std::string& key);

  const FsckDeps& deps_;
  const FsckOptions& options_;
  FsckReport& report_;
};

}  // namespace ncps::cache
