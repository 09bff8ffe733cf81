// The NARs of fsck: the second look, their bytes, and their mending.
#pragma once

#include <string>
#include <vector>

#include "cache/fsck_look.h"
#include "cache/fsck_report.h"

namespace ncps::cache {

class FsckNars {
 public:
  FsckNars(const FsckDeps& deps, const FsckOptions& options, FsckReport& report)
      : deps_(deps), options_(options), report_(report) {}

  // Store and row seemed to differ about it. `published`: as it was listed.
  boost::asio::awaitable<void> look_again(nix::NarUrl url, db::Time published);

  // Each is at rest, and noted as such: reads their bytes, some at once.
  boost::asio::awaitable<void> read(std::vector<db::NarRow> rows);

  // Writes down what was verified.
  boost::asio::awaitable<void> note_verified();

 private:
  struct Checked {
    std::optional<NarVerdict> verdict;
    std::optional<Error> error;
  };

  NarCheckDeps check_deps() const {
    return {.store = deps_.store,
            .inventory = deps_.inventory,
            .cpu = deps_.cpu,
            .catalog = deps_.catalog};
  }
  bool mends() const { return options_.changes == Changes::all; }
  Task<std::optional<Lying>> lying(const nix::NarUrl& url, db::Time published) const;
  Task<NarVerdict> check(const nix::NarUrl& url, std::optional<db::NarRow> row);
  Task<void> look(const nix::NarUrl& url, db::Time published);
  Task<void> mend_absent(const nix::NarUrl& url);
  Task<void> mend_note(const Lying& lying, const db::NarEntry& row, Flaw flaw);
  Task<void> mend_without_row(const nix::NarUrl& url, const Lying& lying);
  Task<void> discard(const nix::NarUrl& url, Flaw flaw, std::optional<storage::BlobEntry> read);
  Task<void> judge(const db::NarRow& row, Checked checked);
  boost::asio::awaitable<void> right(nix::NarUrl url, std::uint64_t bytes);

  const FsckDeps& deps_;
  const FsckOptions& options_;
  FsckReport& report_;
  std::atomic<bool> never_stopped_ = false;
  std::vector<nix::NarUrl> verified_;  // not written down yet
};

}  // namespace ncps::cache
