#include "nix/object_path.h"

#include <algorithm>
#include <array>

#include "nix/store_path.h"

namespace ncps::nix {
namespace {

constexpr std::string_view kListing = ".ls";
constexpr std::string_view kDerivation = ".drv";
constexpr std::string_view kRealisation = ".doi";
constexpr std::string_view kDebug = ".debug";
constexpr std::string_view kHashPrefix = "sha256:";
constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kBuildIdDigits = 40;

std::unexpected<Error> none(std::string_view why) {
  return fail(ErrorKind::invalid, std::string(why));
}

// Lower case, as Nix writes it: another spelling would be another object.
bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_derivation(std::string_view base_name) {
  return base_name.ends_with(kDerivation) && StorePath::parse_base_name(base_name);
}

// Takes `head` off the front of `text`, or `tail` off its end; false: it is not there.
bool take_head(std::string_view& text, std::string_view head) {
  if (!text.starts_with(head)) return false;
  text.remove_prefix(head.size());
  return true;
}
bool take_tail(std::string_view& text, std::string_view tail) {
  if (!text.ends_with(tail)) return false;
  text.remove_suffix(tail.size());
  return true;
}

struct Output {
  std::string_view of, name;
};

// "<of><separator><name>.doi". Neither part may hold the separator, by their grammar.
Result<Output> parse_output(std::string_view text, char separator) {
  if (!take_tail(text, kRealisation)) return none("a realisation without .doi");
  auto at = text.find(separator);
  if (at == text.npos) return none("a realisation without an output");
  TRY(check_store_path_name(text.substr(at + 1)));
  return Output{text.substr(0, at), text.substr(at + 1)};
}

}  // namespace

Result<ObjectPath> ObjectPath::parse(std::string_view path) {
  auto rest = path;
  if (take_head(rest, "log/")) {
    if (!is_derivation(rest)) return none("the log of what is no derivation");
    return ObjectPath(ObjectKind::log, path, rest, "");
  }
  if (take_head(rest, "realisations/")) {
    TRY(auto output, parse_output(rest, '!'));
    if (!take_head(output.of, kHashPrefix) || !is_hex(output.of, kSha256Digits)) {
      return none("a realisation without the hash of a derivation");
    }
    return ObjectPath(ObjectKind::realisation, path, output.of, output.name);
  }
  if (take_head(rest, "build-trace-v2/")) {
    TRY(auto output, parse_output(rest, '/'));
    if (!is_derivation(output.of)) return none("the build trace of what is no derivation");
    return ObjectPath(ObjectKind::build_trace, path, output.of, output.name);
  }
  if (take_head(rest, "debuginfo/")) {
    auto id = rest;
    take_tail(id, kDebug);
    if (!is_hex(id, kBuildIdDigits)) return none("no build id");
    return ObjectPath(ObjectKind::debug_info, path, rest, "");
  }
  if (!take_tail(rest, kListing)) return none("no object of a binary cache");
  TRY(auto hash, StorePathHash::parse(rest));
  return ObjectPath(ObjectKind::listing, path, hash.str(), "");
}

std::string ObjectPath::url() const {
  constexpr std::array kDigits{'0', '1', '2', '3', '4', '5', '6', '7',
                               '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'};
  std::string out;
  for (char c : path_) {
    bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                 std::string_view("-._/:").contains(c);
    if (plain) {
      out.push_back(c);
    } else {
      auto byte = static_cast<unsigned char>(c);
      out.append({'%', kDigits[byte >> 4U], kDigits[byte & 15U]});
    }
  }
  return out;
}

}  // namespace ncps::nix
