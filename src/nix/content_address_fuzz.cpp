#include "nix/content_address.h"

#include "fuzzing/fuzz_target.h"
#include "nix/nar_walker.h"

namespace ncps::nix {
namespace {

// What a NAR is, as the walker tells it.
class OneFile final : public NarEvents {
 public:
  Result<void> directory_begins() override { return other(); }
  Result<void> entry(std::string_view) override { return other(); }
  Result<void> directory_ends() override { return other(); }
  Result<void> symlink(std::string_view) override { return other(); }
  Result<void> file(bool executable, std::uint64_t offset, std::uint64_t size) override {
    plain = !executable;
    at = offset;
    length = size;
    return {};
  }
  bool plain = false;
  std::uint64_t at = 0, length = 0;

 private:
  Result<void> other() {
    plain = false;
    return {};
  }
};

}  // namespace

FUZZ_TARGET(content_address) {
  auto seed = fuzzing::take_byte(input);
  FileInNar whole, in_pieces;
  whole.feed(input);
  for (auto piece : fuzzing::pieces_of(input, seed)) in_pieces.feed(piece);
  auto hash = whole.finish();
  CHECK(hash == in_pieces.finish());

  OneFile file;
  NarWalker walker(&file);
  if (walker.feed(input) && walker.complete()) {
    CHECK(hash.has_value() == file.plain);
    if (hash) CHECK(hash->digest() == crypto::sha256(input.substr(file.at, file.length)));
  }
  // And whatever a narinfo claims, it claims it of a path that follows from it.
  if (auto info = parse_nar_info(input))
    if (auto claim = content_claim(*info)) CHECK(info->ca.has_value());
}

}  // namespace ncps::nix
