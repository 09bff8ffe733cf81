#include "access/token.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::access {

FUZZ_TARGET(token) {
  // A token where its hash belongs is repeated by no message.
  auto refused = parse_token_file("ci read " + fuzzing::with_secret(input));
  if (!refused) CHECK(!refused.error().what().contains(fuzzing::kSecret));

  auto tokens = parse_token_file(input);
  if (!tokens) return;
  CHECK(!tokens->empty() && tokens->size() <= kMaxTokens);
  std::string text;
  for (const auto& token : *tokens) text += token_line(token) + "\n";
  auto again = parse_token_file(text);
  CHECK(again && again->size() == tokens->size());
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    const auto& a = (*tokens)[i];
    const auto& b = (*again)[i];
    CHECK(a.name == b.name && a.digest == b.digest && a.rights == b.rights && !a.rights.empty());
  }
}

}  // namespace ncps::access
