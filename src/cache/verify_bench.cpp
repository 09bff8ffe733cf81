// How fast NARs are verified: hashed, decompressed, walked and hashed again, on one thread and on several at once,
// each with a NAR of its own, as the CPU pool does it.
//
//   verify_bench MEGABYTES THREADS       prints one line of JSON: MB of NARs in a second
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "cache/nar_verifier.h"
#include "codec/testing/compress.h"
#include "crypto/sha256.h"
#include "nix/testing/nar_of.h"

namespace {

using namespace ncps;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kPiece = 256 * 1024;  // as a spool is read back

// Half of it compresses well, as programs do.
std::string contents(std::size_t bytes) {
  std::string text(bytes, '\0');
  std::uint64_t state = 1;
  for (std::size_t i = 0; i < bytes; ++i) {
    if (i % 128 < 64) state = state * 6364136223846793005u + 1442695040888963407u;
    text[i] = static_cast<char>(state >> 56);
  }
  return text;
}

void feed_all(auto& to, std::string_view file) {
  for (std::size_t at = 0; at < file.size(); at += kPiece) to(file.substr(at, kPiece));
}

// MB a second of `threads`, each of which does `work` on as many bytes.
double rate(std::size_t threads, std::size_t bytes, auto work) {
  std::latch ready(static_cast<std::ptrdiff_t>(threads) + 1);
  std::vector<std::jthread> all;
  for (std::size_t i = 0; i < threads; ++i)
    all.emplace_back([&] {
      ready.arrive_and_wait();
      work();
    });
  auto begin = Clock::now();
  ready.arrive_and_wait();
  all.clear();  // joins
  std::chrono::duration<double> took = Clock::now() - begin;
  return static_cast<double>(threads * bytes) / took.count() / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("verify_bench MEGABYTES THREADS\n", stderr);
    return 2;
  }
  auto bytes = std::strtoul(argv[1], nullptr, 10) * 1'000'000;
  auto threads = std::strtoul(argv[2], nullptr, 10);
  auto nar = nix::nar_of(contents(bytes));
  auto hash = [&] {
    crypto::Sha256 sha;
    auto update = [&](std::string_view piece) { sha.update(piece); };
    feed_all(update, nar);
    static_cast<void>(sha.finish());
  };
  fmt::print(R"({{"threads": {}, "SHA-256": [{:.0f}, {:.0f}])", threads, rate(1, nar.size(), hash),
             rate(threads, nar.size(), hash));
  for (auto compression : {nix::Compression::none, nix::Compression::zstd, nix::Compression::xz}) {
    auto file = codec::compress(compression, nar);
    cache::NarExpectation expected{.compression = compression,
                                   .file_hash = nix::Hash(crypto::sha256(file)),
                                   .nar_hash = nix::Hash(crypto::sha256(nar))};
    auto verify = [&] {
      auto verifier = cache::NarVerifier::make(expected).value();
      auto feed = [&](std::string_view piece) { verifier.feed(piece).value(); };
      feed_all(feed, file);
      verifier.finish().value();
    };
    fmt::print(R"(, "{}": [{:.0f}, {:.0f}])", nix::to_string(compression),
               rate(1, nar.size(), verify), rate(threads, nar.size(), verify));
  }
  fmt::print("}}\n");
  return 0;
}
