#include "http/chunked_decoder.h"

#include <fmt/format.h>

#include "fuzzing/fuzz_target.h"

namespace ncps::http {
namespace {

struct Outcome {
  std::string body;
  std::size_t used = 0;  // bytes of the input
  bool ended = false, refused = false;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome decoded(const std::vector<std::string_view>& pieces) {
  Outcome out;
  ChunkedDecoder decoder;
  for (auto piece : pieces) {
    while (!piece.empty() && !decoder.ended()) {
      auto before = piece;
      auto body = decoder.take(piece);
      if (!body) {
        out.refused = true;
        out.used = 0;  // where it is noticed is of no matter
        return out;
      }
      CHECK(piece.size() <= before.size() && before.ends_with(piece));
      CHECK(body->empty() || (body->data() >= before.data() &&
                              body->data() + body->size() <= before.data() + before.size()));
      CHECK(!body->empty() || piece.empty() || decoder.ended());
      out.used += before.size() - piece.size();
      out.body.append(*body);
    }
  }
  out.ended = decoder.ended();
  return out;
}

}  // namespace

FUZZ_TARGET(chunked_decoder) {
  auto seed = fuzzing::take_byte(input);
  auto whole = decoded({input}), in_pieces = decoded(fuzzing::pieces_of(input, seed));
  CHECK(whole == in_pieces);
  CHECK(whole.body.size() <= input.size() && whole.used <= input.size());
  // A body that we pack ourselves comes out again, and what follows it is left alone.
  std::string packed;
  for (auto piece : fuzzing::pieces_of(input, seed))
    if (!piece.empty()) packed += fmt::format("{:x};x=1\r\n{}\r\n", piece.size(), piece);
  packed += "0\r\nTrailer: x\r\n\r\n";
  auto size = packed.size();
  packed += "GET /";
  auto again = decoded(fuzzing::pieces_of(packed, seed));
  CHECK(again.ended && !again.refused && again.body == input && again.used == size);
}

}  // namespace ncps::http
