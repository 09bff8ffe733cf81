#include "nix/nar_walker.h"

#include <optional>

#include "fuzzing/fuzz_target.h"

namespace ncps::nix {
namespace {

// A NAR read the other way: recursively, from a whole text, as Nix does it.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool all() { return word("nix-archive-1") && node(0) && rest_.empty(); }

 private:
  std::optional<std::string_view> text() {
    if (rest_.size() < 8) return std::nullopt;
    std::uint64_t size = 0;
    for (int i = 7; i >= 0; --i) size = size << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(8);
    if (size > rest_.size()) return std::nullopt;
    auto out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    auto padding = rest_.substr(0, (8 - size % 8) % 8);
    if (padding.size() != (8 - size % 8) % 8 || padding.find_first_not_of('\0') != padding.npos)
      return std::nullopt;
    rest_.remove_prefix(padding.size());
    return out;
  }
  bool word(std::string_view wanted) { return text() == wanted; }

  bool node(int depth) {
    if (!word("(") || !word("type")) return false;
    auto type = text();
    if (type == "regular") return file();
    if (type == "symlink") {
      if (!word("target")) return false;
      auto target = text();
      return target && target->size() <= 4095 && word(")");
    }
    return type == "directory" && depth < 64 && entries(depth);
  }

  bool file() {
    auto next = text();
    if (next == "executable") {
      if (!word("")) return false;
      next = text();
    }
    return next == "contents" && text() && word(")");
  }

  bool entries(int depth) {
    std::string_view before;
    for (auto next = text(); next; next = text()) {
      if (next == ")") return true;
      if (next != "entry" || !word("(") || !word("name")) return false;
      auto name = text();
      if (!name || name->empty() || name->size() > 255 || *name == "." || *name == "..")
        return false;
      if (name->find('/') != name->npos || name->find('\0') != name->npos) return false;
      if (*name <= before || !word("node") || !node(depth + 1) || !word(")")) return false;
      before = *name;
    }
    return false;
  }

  std::string_view rest_;
};

// What comes out, as text.
std::string walked(const std::vector<std::string_view>& pieces) {
  NarWalker walker;
  for (auto piece : pieces) {
    auto fed = walker.feed(piece);
    if (fed) continue;
    auto end = walker.finish();
    CHECK(!walker.complete() && !end && end.error().what() == fed.error().what());
    return fed.error().what();
  }
  auto end = walker.finish();
  CHECK(walker.complete() == end.has_value());
  return end ? "whole" : end.error().what();
}

}  // namespace

FUZZ_TARGET(nar_walker) {
  auto seed = fuzzing::take_byte(input);
  auto whole = walked({input});
  CHECK(whole == walked(fuzzing::pieces_of(input, seed)));
  CHECK((whole == "whole") == Reader(input).all());
}

}  // namespace ncps::nix
