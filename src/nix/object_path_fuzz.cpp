#include "nix/object_path.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::nix {
namespace {

std::string undone(std::string_view url) {
  std::string out;
  for (std::size_t at = 0; at < url.size(); ++at) {
    if (url[at] == '%') {
      out += static_cast<char>(std::stoi(std::string(url.substr(at + 1, 2)), nullptr, 16));
      at += 2;
    } else {
      out += url[at];
    }
  }
  return out;
}

}  // namespace

FUZZ_TARGET(object_path) {
  auto path = ObjectPath::parse(input);
  if (!path) return;
  CHECK(path->str() == input && ObjectPath::parse(path->str()) == *path);
  CHECK(undone(path->url()) == path->str());
  CHECK(!input.starts_with('/') && !input.contains("..//") && !input.contains("/../"));
  CHECK(!path->id().empty() && input.contains(path->id()) && input.contains(path->output()));
  for (char c : path->url()) CHECK(c > 0x20 && c < 0x7f && c != '+' && c != '?' && c != '#');
}

}  // namespace ncps::nix
