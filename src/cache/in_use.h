// InUse: which NARs at rest are being read. Eviction leaves those alone.
//
// On the path of every hit but those that the io thread has sent within the second (server/near_nar.h), which hold
// the file itself open: a counter for all NARs whose URLs' hashes end alike, without locks and without
// memory for each. So a NAR may count as read while another one is, once in kCounters times for each that
// is: it is then evicted a little later. Thread-safe. Tokens may outlive it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "nix/nar_url.h"
#include "rt/byte_source.h"

namespace ncps::cache {

class InUse {
  using Counter = std::atomic<std::uint32_t>;

 public:
  static constexpr std::size_t kCounters = 1 << 16;

  // It is read for as long as one of these lives; copies count by themselves.
  class Token {
   public:
    Token() = default;
    Token(const Token& other) : counter_(other.counter_) {
      if (counter_) ++*counter_;
    }
    Token(Token&& other) noexcept : counter_(std::move(other.counter_)) {}
    Token& operator=(Token other) noexcept {
      counter_.swap(other.counter_);
      return *this;
    }
    ~Token() {
      if (counter_) --*counter_;
    }

   private:
    friend class InUse;
    explicit Token(std::shared_ptr<Counter> counter) : counter_(std::move(counter)) { ++*counter_; }

    std::shared_ptr<Counter> counter_;  // shares the life of all of them
  };

  Token hold(const nix::NarUrl& url) const {
    return Token(std::shared_ptr<Counter>(counters_, &of(url)));
  }

  bool contains(const nix::NarUrl& url) const noexcept { return of(url) != 0; }

 private:
  using Counters = std::array<Counter, kCounters>;

  Counter& of(const nix::NarUrl& url) const noexcept {
    return (*counters_)[std::hash<nix::NarUrl>{}(url) % kCounters];
  }

  const std::shared_ptr<Counters> counters_ = std::make_shared<Counters>();
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
