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
    auto number = std::hash<nix::NarUrl>{}(url) % kShards;
    auto held = std::make_shared<Held>(shards_, number);
    held->count = (*shards_)[number].with([&](Counts& counts) {
      auto& count = *counts.try_emplace(url).first;
      ++count.second;
      return &count;
    });
    return held;
  }

  bool contains(const nix::NarUrl& url) const {
    auto number = std::hash<nix::NarUrl>{}(url) % kShards;
    return (*shards_)[number].with([&](const Counts& counts) { return counts.contains(url); });
  }

 private:
  static constexpr std::size_t kShards = 16;
  using Counts = std::unordered_map<nix::NarUrl, std::size_t>;  // its elements stay where they are
  using Shards = std::array<Guarded<Counts>, kShards>;

  struct Held {
    Held(std::shared_ptr<Shards> shards, std::size_t number)
        : shards(std::move(shards)), number(number) {}
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    ~Held() {
      if (count == nullptr) return;
      (*shards)[number].with([&](Counts& counts) {
        if (--count->second == 0) counts.erase(counts.find(count->first));
      });
    }
    const std::shared_ptr<Shards> shards;
    const std::size_t number;
    Counts::value_type* count = nullptr;  // read and changed under its shard's lock alone
  };

  const std::shared_ptr<Shards> shards_ = std::make_shared<Shards>();
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
