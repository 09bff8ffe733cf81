// InUse: which NARs at rest are being read. Eviction leaves those alone.
//
// On the path of every hit: sharded, so that threads rarely meet, and never held over a wait.
// Thread-safe. Tokens may outlive it.
#pragma once

#include <array>
#include <memory>
#include <unordered_map>
#include <utility>

#include "base/guarded.h"
#include "nix/nar_url.h"
#include "rt/byte_source.h"

namespace ncps::cache {

class InUse {
 public:
  using Token = std::shared_ptr<const void>;  // it is read for as long as one lives

  Token hold(const nix::NarUrl& url) {
    auto shards = shards_;
    auto number = std::hash<nix::NarUrl>{}(url) % kShards;
    (*shards)[number].with([&](Counts& counts) { ++counts[url]; });
    auto release = [shards, number, url](const void*) {
      (*shards)[number].with([&](Counts& counts) {
        auto it = counts.find(url);
        if (--it->second == 0) counts.erase(it);
      });
    };
    return Token(this, std::move(release));
  }

  bool contains(const nix::NarUrl& url) const {
    auto number = std::hash<nix::NarUrl>{}(url) % kShards;
    return (*shards_)[number].with([&](const Counts& counts) { return counts.contains(url); });
  }

 private:
  static constexpr std::size_t kShards = 16;
  using Counts = std::unordered_map<nix::NarUrl, std::size_t>;
  const std::shared_ptr<std::array<Guarded<Counts>, kShards>> shards_ =
      std::make_shared<std::array<Guarded<Counts>, kShards>>();
};

// A source, and the token that lives as long.
class SourceInUse final : public ByteSource {
 public:
  SourceInUse(std::unique_ptr<ByteSource> inner, InUse::Token token)
      : token_(std::move(token)), inner_(std::move(inner)) {}
  Task<Piece> next() override { return inner_->next(); }

 private:
  InUse::Token token_;  // goes after what it is for
  std::unique_ptr<ByteSource> inner_;
};

}  // namespace ncps::cache
