// NarInfoFixture: a NarInfoService over CacheFixture's store and catalog, with one trusted key.
#pragma once

#include "cache/nar_info_service.h"
#include "cache/testing/cache_fixture.h"

namespace ncps::cache {

struct NarInfoFixture : CacheFixture {
  ~NarInfoFixture() override {
    EXPECT_TRUE(service->stop(Deadline::after(std::chrono::seconds(60))));
  }

  // The same store and catalog, as after a restart with other keys, or another policy.
  void restart(Trust with) {
    if (service) ASSERT_TRUE(service->stop(Deadline::never()));
    service.reset();
    settle();
    live_trust.replace(std::move(with));
    service = std::make_unique<NarInfoService>(runtime, store, catalog, upstreams, *downloads, cpu,
                                               live_trust, policy);
  }
  void restart() { restart(trust()); }

  Trust trust() {
    return {.upstream_keys = {upstream_key.public_key()}, .signing_keys = {own_key}};
  }

  Result<std::optional<ServedNarInfo>> find(const Sample& sample, Asked asked = Asked::by_head) {
    return run(service->find(sample.hash(), asked, Deadline::after(std::chrono::minutes(1))));
  }
  nix::NarInfo found(const Sample& sample) {
    return nix::parse_nar_info(find(sample).value().value().text).value();
  }

  Sample signed_sample(std::string_view name, std::size_t size = 2'000) {
    auto sample = make_sample(name, size);
    sample.sign(upstream_key);
    return sample;
  }
  void offer(upstream::FakeUpstream& at, const Sample& sample) {
    at.narinfo(sample.hash(), std::optional(sample.text()));
  }
  static Error down() { return Error(ErrorKind::upstream, "down"); }

  std::filesystem::path file_of(const Sample& sample) {
    return root.path() / narinfo_key(sample.hash()).str();
  }
  bool kept(const Sample& sample) {
    return std::filesystem::exists(file_of(sample)) ||
           run(real_catalog->find_narinfo(sample.hash())).value().has_value();
  }

  nix::SecretKey upstream_key = nix::SecretKey::generate("upstream-1").value();
  nix::SecretKey own_key = nix::SecretKey::generate("ours").value();
  Live<Trust> live_trust{trust()};
  // Tests of what is remembered or fetched ahead switch it on, and restart.
  NarInfoPolicy policy{.prefetch = {.nars = true, .narinfos = false},
                       .missing_for = std::chrono::milliseconds(0)};
  std::unique_ptr<NarInfoService> service = std::make_unique<NarInfoService>(
      runtime, store, catalog, upstreams, *downloads, cpu, live_trust, policy);
};

}  // namespace ncps::cache
