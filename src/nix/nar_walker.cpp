#include "nix/nar_walker.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace ncps::nix {
namespace {

constexpr std::size_t kMaxDepth = 64;
constexpr std::size_t kMaxName = 255;
constexpr std::size_t kMaxTarget = 4095;
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kAlignment = 8;

// Which string the grammar allows next.
enum class Next : std::uint8_t {
  magic,
  node_open,
  type_key,
  type,
  executable_or_contents,
  executable_value,
  contents_key,
  contents,  // the only string that is not kept
  target_key,
  target,
  node_close,
  entry_or_close,
  entry_open,
  name_key,
  name,
  node_key,
  entry_close,
  nothing,
};

// The longest string allowed there. A longer one is refused before its first byte is kept.
constexpr std::uint64_t max_length(Next next) {
  switch (next) {
    case Next::contents: return UINT64_MAX;
    case Next::target: return kMaxTarget;
    case Next::name: return kMaxName;
    default: return std::string_view("nix-archive-1").size();  // the longest word
  }
}

}  // namespace

struct NarWalker::State {
  // Where we are within the current string: first its length, then its bytes, then its padding.
  enum class Part : std::uint8_t { length, bytes, padding };

  Next next = Next::magic;
  Part part = Part::length;
  std::array<std::uint8_t, kLengthBytes> length_bytes{};
  std::size_t length_seen = 0;
  std::uint64_t left = 0;  // bytes of the current part that are still to come
  std::size_t padding = 0;
  std::string token;
  NarEvents* events = nullptr;
  bool executable = false;               // of the current file
  std::vector<std::string> directories;  // for each open one the last name seen in it
  std::uint64_t offset = 0;
  std::optional<Error> failure;

  std::unexpected<Error> refuse(std::string_view why) const {
    return fail(ErrorKind::corrupt,
                "NAR, byte " + std::to_string(offset) + ": " + std::string(why));
  }

  Result<void> feed(std::string_view bytes);
  Result<void> take_length(std::string_view& bytes);
  void take_bytes(std::string_view& bytes);
  Result<void> take_padding(std::string_view& bytes);
  Result<void> advance();  // the grammar: `token` is whole
  Result<void> expect(std::string_view word, Next then);
  Result<void> take_type();
  Result<void> take_name();
  Result<void> open_directory();
  void close_node();

  void consume(std::string_view& bytes, std::size_t count) {
    bytes.remove_prefix(count);
    offset += count;
  }
};

Result<void> NarWalker::State::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    switch (part) {
      case Part::length: TRY(take_length(bytes)); break;
      case Part::bytes: take_bytes(bytes); break;
      case Part::padding: TRY(take_padding(bytes)); break;
    }
    // Parts without bytes are left at once, so that the end is noticed with the last byte.
    if (part == Part::bytes && left == 0) {
      part = Part::padding;
      left = padding;
    }
    if (part == Part::padding && left == 0) {
      part = Part::length;
      TRY(advance());
    }
  }
  return {};
}

Result<void> NarWalker::State::take_length(std::string_view& bytes) {
  if (next == Next::nothing) return refuse("bytes after the end");
  const auto count = std::min(bytes.size(), kLengthBytes - length_seen);
  std::copy_n(bytes.begin(), count, length_bytes.begin() + length_seen);
  consume(bytes, count);
  length_seen += count;
  if (length_seen < kLengthBytes) return {};

  left = 0;
  for (std::size_t i = kLengthBytes; i-- > 0;) left = left << 8 | length_bytes[i];  // little endian
  if (left > max_length(next)) return refuse("string longer than it may be here");
  padding = (kAlignment - left % kAlignment) % kAlignment;
  length_seen = 0;
  token.clear();
  part = Part::bytes;
  if (events != nullptr && next == Next::contents) return events->file(executable, offset, left);
  return {};
}

void NarWalker::State::take_bytes(std::string_view& bytes) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left));
  if (next != Next::contents) token += bytes.substr(0, count);
  consume(bytes, count);
  left -= count;
}

Result<void> NarWalker::State::take_padding(std::string_view& bytes) {
  const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), left));
  const auto zeros = std::min(bytes.substr(0, count).find_first_not_of('\0'), count);
  consume(bytes, zeros);
  left -= zeros;
  if (zeros < count) return refuse("padding that is not zero");
  return {};
}

Result<void> NarWalker::State::expect(std::string_view word, Next then) {
  if (token != word) return refuse("expected \"" + std::string(word) + '"');
  next = then;
  return {};
}

Result<void> NarWalker::State::advance() {
  switch (next) {
    case Next::magic: return expect("nix-archive-1", Next::node_open);
    case Next::node_open: return expect("(", Next::type_key);
    case Next::type_key: return expect("type", Next::type);
    case Next::type: return take_type();
    case Next::executable_or_contents:
      if (token == "executable") return expect("executable", Next::executable_value);
      return expect("contents", Next::contents);
    case Next::executable_value: executable = true; return expect("", Next::contents_key);
    case Next::contents_key: return expect("contents", Next::contents);
    case Next::contents: next = Next::node_close; return {};
    case Next::target_key: return expect("target", Next::target);
    case Next::target:
      next = Next::node_close;
      if (events != nullptr) return events->symlink(token);
      return {};
    case Next::node_close:
      TRY(expect(")", Next::nothing));
      close_node();
      return {};
    case Next::entry_or_close:
      if (token == "entry") return expect("entry", Next::entry_open);
      TRY(expect(")", Next::nothing));
      directories.pop_back();
      close_node();
      if (events != nullptr) return events->directory_ends();
      return {};
    case Next::entry_open: return expect("(", Next::name_key);
    case Next::name_key: return expect("name", Next::name);
    case Next::name: return take_name();
    case Next::node_key: return expect("node", Next::node_open);
    case Next::entry_close: return expect(")", Next::entry_or_close);
    case Next::nothing: break;
  }
  return refuse("bytes after the end");
}

Result<void> NarWalker::State::take_type() {
  if (token == "regular") {
    executable = false;
    next = Next::executable_or_contents;
  } else if (token == "symlink") {
    next = Next::target_key;
  } else if (token == "directory") {
    return open_directory();
  } else {
    return refuse("unknown type of file");
  }
  return {};
}

Result<void> NarWalker::State::open_directory() {
  // The bound also keeps the memory of this walker small, whatever is fed to it.
  if (directories.size() == kMaxDepth) return refuse("directories nested too deeply");
  directories.emplace_back();
  next = Next::entry_or_close;
  if (events != nullptr) return events->directory_begins();
  return {};
}

Result<void> NarWalker::State::take_name() {
  if (token.empty() || token == "." || token == ".." ||
      token.find_first_of(std::string_view("/\0", 2)) != std::string::npos) {
    return refuse("name that no file may have");
  }
  // No name is empty, so the first one always follows.
  if (token <= directories.back()) return refuse("names that do not ascend");
  directories.back() = token;
  next = Next::node_key;
  if (events != nullptr) return events->entry(token);
  return {};
}

void NarWalker::State::close_node() {
  next = directories.empty() ? Next::nothing : Next::entry_close;
}

NarWalker::NarWalker(NarEvents* events) : state_(std::make_unique<State>()) {
  state_->events = events;
}
NarWalker::~NarWalker() = default;
NarWalker::NarWalker(NarWalker&&) noexcept = default;
NarWalker& NarWalker::operator=(NarWalker&&) noexcept = default;

Result<void> NarWalker::feed(std::string_view bytes) {
  if (state_->failure) return std::unexpected(*state_->failure);
  auto result = state_->feed(bytes);
  if (!result) state_->failure = result.error();
  return result;
}

bool NarWalker::complete() const noexcept {
  return !state_->failure && state_->next == Next::nothing;
}

Result<void> NarWalker::finish() const {
  if (state_->failure) return std::unexpected(*state_->failure);
  if (!complete()) return state_->refuse("the NAR ends too early");
  return {};
}

}  // namespace ncps::nix
