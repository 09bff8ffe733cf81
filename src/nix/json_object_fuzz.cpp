#include "nix/json_object.h"

#include <nlohmann/json.hpp>

#include "fuzzing/fuzz_target.h"

namespace ncps::nix {
namespace {

bool depth_fits(std::string_view text) {
  std::size_t brackets = 0;
  for (char c : text) brackets += c == '{' || c == '[' ? 1 : 0;
  return brackets < 500;
}

}  // namespace

FUZZ_TARGET(json_object) {
  auto seed = fuzzing::take_byte(input);
  JsonObjectCheck whole, in_pieces;
  Result<void> once = whole.feed(input), piecewise = {};
  if (once) once = whole.finish();
  for (auto piece : fuzzing::pieces_of(input, seed)) {
    piecewise = in_pieces.feed(piece);
    if (!piecewise) break;
  }
  if (piecewise) piecewise = in_pieces.finish();
  CHECK(once.has_value() == piecewise.has_value());
  // It may take what is none, but what is an object it takes.
  if (input.contains('\0')) return;  // that library's end of a text
  auto read = nlohmann::json::parse(input, nullptr, false);
  if (read.is_object() && depth_fits(input)) CHECK(once);
}

}  // namespace ncps::nix
