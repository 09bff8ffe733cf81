// The narinfos of fsck: the second look, their texts, and their mending.
#pragma once

#include <string>
#include <vector>

#include "cache/fsck_report.h"

namespace ncps::cache {

class FsckNarInfos {
 public:
  FsckNarInfos(const FsckDeps& deps, const FsckOptions& options, FsckReport& report)
      : deps_(deps), options_(options), report_(report) {}

  // Each has a file or a row that seemed to lack the other.
  boost::asio::awaitable<void> look_again(std::string name);

  // Each has a file and a row: reads both.
  boost::asio::awaitable<void> read(std::vector<std::string> names);

  // Makes the rows of those that were found to lack them; most of them wait for this.
  boost::asio::awaitable<void> make_rows();
  static constexpr std::size_t kRows = 200;  // waiting; then it is time

 private:
  // What a text is worth as the narinfo of that path.
  struct Worth {
    enum class How : std::uint8_t { good, not_trusted, corrupt, none } how = How::none;
    std::string why;
    std::optional<std::string> text;
    bool uploaded = false;  // of a row: a client sent it
  };
  struct Seen {
    Worth file, row;
    std::optional<Error> error;  // could not find out
  };

  Task<void> look(const std::string& name);
  // `sent_by` absent: the mark says it.
  Task<Worth> judge(const std::string& name, std::optional<std::string> text,
                    std::optional<SentBy> sent_by = {}) const;
  Task<Seen> see(const std::string& name) const;
  Task<void> weigh(const std::string& name, Seen seen);
  Task<void> file_from_row(const std::string& name, const Seen& seen, Flaw flaw);
  Task<void> write_file(const Worth& row);
  Task<void> remove_file(const std::string& name);
  void wait_for_row(const std::string& name, Flaw flaw);

  struct Waiting {
    std::string name;
    Flaw flaw;
  };

  const FsckDeps& deps_;
  const FsckOptions& options_;
  FsckReport& report_;
  std::vector<Waiting> waiting_;
};

}  // namespace ncps::cache
