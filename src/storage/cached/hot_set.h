// HotSet: which blobs are worth a local copy, and which copies go to make room for another.
//
// A blob is copied when it is asked for the second time (of the last kRemembered that were), so that
// what is read only once drives out nothing; unless it is larger than half of all. Least recently
// used goes first. What is being copied counts as if it were there. Pure: it touches no file. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ncps::storage {

class HotSet {
 public:
  static constexpr std::size_t kRemembered = 4'096;  // that were asked for once
  static constexpr std::size_t kAtOnce = 2;          // that are being copied

  explicit HotSet(std::uint64_t limit) : limit_(limit) {}  // bytes
  HotSet(const HotSet&) = delete;

  // A copy that is there already, used later than those before. Returns false if there is no room
  // for it.
  bool adopt(const std::string& key, std::uint64_t size);

  // It is asked for. The size of its copy, if there is one that can be read.
  std::optional<std::uint64_t> use(const std::string& key);

  // It was asked for, has no copy, and `size` bytes. Absent: no copy is to be made. Else the copies
  // to remove before one is; and then copied() or gave_up() must be called.
  std::optional<std::vector<std::string>> want(const std::string& key, std::uint64_t size);

  // Returns false if it was forgotten meanwhile: the copy must go.
  bool copied(const std::string& key);
  void gave_up(const std::string& key);

  // It has changed or is gone. Returns true if there is a copy, which must go.
  bool forget(const std::string& key);

  std::uint64_t bytes() const noexcept { return bytes_; }  // those being copied included

 private:
  enum class Stage : std::uint8_t { copying, forgotten, there };
  struct Copy {
    std::string key;
    std::uint64_t size;
    Stage stage;
  };
  using Copies = std::list<Copy>;  // least recently used first

  bool seen_before(const std::string& key);
  void drop(Copies::iterator copy);

  const std::uint64_t limit_;
  std::uint64_t bytes_ = 0;
  std::size_t copying_ = 0;
  Copies copies_;
  std::map<std::string, Copies::iterator> by_key_;
  std::list<std::string> seen_;  // the longest ago first
  std::map<std::string, std::list<std::string>::iterator> seen_by_key_;
};

}  // namespace ncps::storage
