// ObjectFixture: an ObjectService over NarInfoFixture's narinfos and NARs, with two upstreams.
#pragma once

#include "cache/object_service.h"
#include "cache/testing/nar_info_fixture.h"

namespace ncps::cache {

struct ObjectFixture : NarInfoFixture {
  ~ObjectFixture() override {
    EXPECT_TRUE(objects->stop(Deadline::after(std::chrono::seconds(60))));
  }

  static nix::ObjectPath path(std::string_view text) {
    return nix::ObjectPath::parse(text).value();
  }
  static nix::ObjectPath listing_of(const Sample& sample) {
    return path(std::string(sample.hash().str()) + ".ls");
  }

  struct Got {
    std::string bytes, etag, how;
  };
  // nullopt: confirmed absent.
  Task<std::optional<Got>> ask(nix::ObjectPath what, Deadline deadline) {
    CO_TRY(auto found, co_await objects->find(std::move(what), deadline));
    if (!found) co_return std::nullopt;
    CO_TRY(auto drained, co_await testing::drain(found->blob->read(0, found->blob->size())));
    if (drained.error) co_return std::unexpected(*drained.error);
    co_return Got{std::move(drained.bytes), found->etag, std::string(found->how)};
  }
  Result<std::optional<Got>> get_object(const nix::ObjectPath& what) {
    return run(ask(what, Deadline::after(std::chrono::minutes(1))));
  }
  std::future<Result<std::optional<Got>>> get_object_meanwhile(const nix::ObjectPath& what) {
    return std::async(std::launch::async, [this, what] { return get_object(what); });
  }
  std::string bytes_of(const nix::ObjectPath& what) {
    return get_object(what).value().value().bytes;
  }

  bool kept(const nix::ObjectPath& what) {
    return std::filesystem::exists(root.path() / object_key(what).str());
  }
  using NarInfoFixture::kept;

  upstream::FakeUpstream& a = add_upstream("a");
  upstream::FakeUpstream& b = add_upstream("b");
  std::unique_ptr<ObjectService> objects =
      std::make_unique<ObjectService>(runtime, ObjectDeps{.store = store,
                                                          .upstreams = upstreams,
                                                          .narinfos = *service,
                                                          .nars = *nars,
                                                          .disk = disk,
                                                          .cpu = cpu});
};

}  // namespace ncps::cache
