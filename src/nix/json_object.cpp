#include "nix/json_object.h"

namespace ncps::nix {
namespace {

constexpr std::size_t kMaxDepth = 512;  // a listing of 64 folders in each other has 130

std::unexpected<Error> refuse(std::string_view why) {
  return fail(ErrorKind::corrupt, "no JSON object: " + std::string(why));
}

bool is_white(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

// Commas, colons, numbers, true, false and null.
bool is_plain(char c) {
  return (c >= '0' && c <= '9') || is_white(c) || std::string_view(",:+-.eEtrufalsn").contains(c);
}

}  // namespace

Result<void> JsonObjectCheck::feed(std::string_view bytes) {
  for (char c : bytes) TRY(take(c));
  return {};
}

Result<void> JsonObjectCheck::take(char c) {
  switch (in_) {
    case In::nothing_yet:
    case In::end:
      if (is_white(c)) return {};
      if (in_ == In::end) return refuse("something comes behind it");
      if (c != '{') return refuse("it begins with something else");
      in_ = In::structure;
      open_.push_back('}');
      return {};
    case In::text:
      if (c == '\\') in_ = In::escape;
      if (c == '"') in_ = In::structure;
      return {};
    case In::escape: in_ = In::text; return {};
    case In::structure: break;
  }
  switch (c) {
    case '"': in_ = In::text; return {};
    case '{':
    case '[':
      if (open_.size() == kMaxDepth) return refuse("nested too deeply");
      open_.push_back(c == '{' ? '}' : ']');
      return {};
    case '}':
    case ']': return close(c);
    default: break;
  }
  if (!is_plain(c)) return refuse("a character that has no place there");
  return {};
}

Result<void> JsonObjectCheck::close(char bracket) {
  if (open_.back() != bracket) return refuse("brackets that do not match");
  open_.pop_back();
  if (open_.empty()) in_ = In::end;
  return {};
}

Result<void> JsonObjectCheck::finish() const {
  if (in_ != In::end) return refuse("it ends too early");
  return {};
}

}  // namespace ncps::nix
