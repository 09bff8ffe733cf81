// A store path with one file, as an upstream has it.
#pragma once

#include <string>
#include <string_view>

#include "crypto/sha256.h"
#include "nix/hash.h"
#include "nix/store_path_hash.h"

namespace ncps::server::testing {

// A store path, its narinfo as an upstream has it, and its NAR.
struct Package {
  nix::StorePathHash hash;
  std::string narinfo;
  std::string nar_url;
  std::string nar;

  std::string narinfo_path() const { return "/" + std::string(hash.str()) + ".narinfo"; }
  std::string nar_path() const { return "/" + nar_url; }
};

// A NAR of one file.
inline std::string nar_of(std::string_view contents) {
  std::string out;
  auto add = [&](std::string_view text) {
    for (int i = 0; i < 8; ++i) out.push_back(static_cast<char>(text.size() >> (8 * i)));
    out += text;
    out.resize((out.size() + 7) / 8 * 8, '\0');
  };
  for (std::string_view token : {"nix-archive-1", "(", "type", "regular", "contents"}) add(token);
  add(contents);
  add(")");
  return out;
}

inline Package package(char c, std::string_view contents, std::string nar_name = "") {
  auto nar = nar_of(contents);
  auto hash = nix::Hash(crypto::sha256(nar));
  if (nar_name.empty()) nar_name = hash.nix32() + ".nar";
  std::string name(nix::StorePathHash::kLength, c);
  std::string text = "StorePath: /nix/store/" + name + "-x\nURL: nar/" + nar_name +
                     "\nCompression: none\nNarHash: " + hash.str() +
                     "\nNarSize: " + std::to_string(nar.size()) + "\nReferences: \n";
  return {nix::StorePathHash::parse(name).value(), text, "nar/" + nar_name, nar};
}

}  // namespace ncps::server::testing
