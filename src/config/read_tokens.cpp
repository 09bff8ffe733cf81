#include "config/read_tokens.h"

#include <algorithm>
#include <iterator>

#include "config/text_file.h"

namespace ncps::config {
namespace {

using access::Right;
using access::Token;

constexpr std::size_t kShort = 16;  // characters

Result<std::vector<Token>> read_file(const std::string& path) {
  auto text = read_text_file(path);
  if (!text) return fail(ErrorKind::invalid, "cannot be read");
  return access::parse_token_file(*text);
}

// A line break at its end would never be sent by anybody.
Result<std::string> as_one_line(std::string_view text) {
  if (text.find_first_of("\r\n") != text.npos)
    return fail(ErrorKind::invalid, "is no token: it holds a line break");
  return std::string(text);
}

}  // namespace

std::vector<Token> read_tokens(Reader& read, std::vector<std::string>& warnings) {
  struct Row {
    std::string_view flag, name;
    access::Rights rights;
  };
  // To upload or to delete is also to read, by access.h.
  const Row rows[] = {{"--cache-get-token", "get-token", Right::read},
                      {"--cache-put-token", "put-token", Right::write},
                      {"--cache-delete-token", "delete-token", Right::remove},
                      {"--cache-admin-token", "admin-token", Right::admin}};
  std::vector<Token> tokens;
  for (const auto& row : rows) {
    std::string secret;
    read.one(row.flag, secret, as_one_line);
    if (secret.empty()) continue;
    if (secret.size() < kShort)
      warnings.push_back(std::string(row.flag) + ": so short a token can be guessed; " +
                         "`ncps token generate` makes good ones");
    tokens.push_back(Token::of(std::string(row.name), secret, row.rights));
  }
  std::vector<std::vector<Token>> files;
  read.many("--cache-token-file", files, read_file);
  for (auto& file : files) std::ranges::move(file, std::back_inserter(tokens));
  for (auto it = tokens.begin(); it != tokens.end(); ++it) {
    if (std::find_if(tokens.begin(), it, [&](const Token& t) { return t.name == it->name; }) != it)
      read.mistake("--cache-token-file: there are two tokens of the name '" + it->name +
                   "': the log could not tell them apart");
  }
  return tokens;
}

}  // namespace ncps::config
