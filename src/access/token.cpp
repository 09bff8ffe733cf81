#include "access/token.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "crypto/encoding.h"

namespace ncps::access {
namespace {

constexpr std::string_view kScheme = "sha256:";
constexpr std::string_view kCertificate = "cert:";
constexpr std::string_view kSpace = " \t\r";

// Cuts the first word off `text`; empty: there is none.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  auto word = text.substr(0, text.find_first_of(kSpace));
  text.remove_prefix(word.size());
  return word;
}

Result<Rights> parse_rights(std::string_view text) {
  Rights rights;
  while (true) {
    auto comma = text.find(',');
    auto right = parse_right(text.substr(0, comma));
    if (!right) {
      return fail(ErrorKind::invalid,
                  "its second word must name rights: read, write, delete, admin, with commas");
    }
    rights = rights | *right;
    if (comma == text.npos) return rights;
    text.remove_prefix(comma + 1);
  }
}

Result<crypto::Sha256Digest> parse_digest(std::string_view text) {
  crypto::Sha256Digest digest{};
  auto bytes = text.starts_with(kScheme) ? crypto::from_hex(text.substr(kScheme.size()))
                                         : Result<crypto::Bytes>(crypto::Bytes{});
  if (!bytes || bytes->size() != digest.size()) {
    return fail(ErrorKind::invalid,
                "its third word must be sha256: and the 64 hexadecimal digits of the token's hash, "
                "never the token itself; or cert: and a name in a client's certificate");
  }
  std::ranges::copy(*bytes, digest.begin());
  return digest;
}

// nullopt: nothing but a comment.
Result<std::optional<Token>> parse_line(std::string_view line) {
  line = line.substr(0, line.find('#'));
  auto name = take_word(line), rights = take_word(line), digest = take_word(line);
  if (name.empty()) return std::optional<Token>();
  if (!take_word(line).empty() || digest.empty())
    return fail(ErrorKind::invalid, "must have three words: a name, rights, sha256:<hash>");
  Token token{.name = std::string(name), .digest = {}, .rights = {}};
  TRY(token.rights, parse_rights(rights));
  if (digest.starts_with(kCertificate) && digest.size() > kCertificate.size()) {
    token.certificate = digest.substr(kCertificate.size());
    return std::optional(std::move(token));
  }
  TRY(token.digest, parse_digest(digest));
  return std::optional(std::move(token));
}

}  // namespace

Result<std::vector<Token>> parse_token_file(std::string_view text) {
  std::vector<Token> tokens;
  for (std::size_t number = 1; !text.empty(); ++number) {
    auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    auto where = fmt::format("line {}", number);
    auto token = parse_line(line);
    if (!token) return std::unexpected(std::move(token).error().while_doing(where));
    if (!*token) continue;
    if (std::ranges::find(tokens, (*token)->name, &Token::name) != tokens.end())
      return fail(ErrorKind::invalid, where + ": there is another token of that name");
    if (tokens.size() == kMaxTokens)
      return fail(ErrorKind::invalid, fmt::format("holds more than {} tokens", kMaxTokens));
    tokens.push_back(std::move(**token));
  }
  if (tokens.empty()) return fail(ErrorKind::invalid, "holds no token");
  return tokens;
}

std::string token_line(const Token& token) {
  std::string rights;
  for (auto right : {Right::read, Right::write, Right::remove, Right::admin}) {
    if (!token.rights.has(right)) continue;
    if (!rights.empty()) rights += ',';
    rights += to_string(right);
  }
  if (!token.certificate.empty())
    return fmt::format("{} {} {}{}", token.name, rights, kCertificate, token.certificate);
  return fmt::format("{} {} {}{}", token.name, rights, kScheme, crypto::to_hex(token.digest));
}

}  // namespace ncps::access
