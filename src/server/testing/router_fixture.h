// A whole cache behind a Router and a real server: a store in a folder, SQLite, fake upstreams.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "base/testing/temp_dir.h"
#include "cache/nar_layout.h"
#include "db/soci/sqlite_catalog.h"
#include "http/server.h"
#include "http/testing/raw_client.h"
#include "rt/block_on.h"
#include "server/router.h"
#include "server/testing/fake_upstream.h"
#include "server/testing/package.h"
#include "server/testing/upload_parts.h"
#include "storage/local/local_blob_store.h"

namespace ncps::server::testing {

using http::testing::Answer;
using http::testing::RawClient;

// A request without a connection.
struct PlainRequest final : http::Request {
  explicit PlainRequest(std::string_view to, http::Method how = http::Method::get) {
    method = how;
    target = path = to;
  }
  std::string_view header(std::string_view) const override { return {}; }
};

class RouterTest : public ::testing::Test {
 public:
  RouterTest() {
    for (auto* fake : {&first, &second}) {
      auto upstream = std::make_unique<FakeUpstream>(fake == &first ? "https://a" : "https://b");
      *fake = upstream.get();
      auto list = *upstreams.now();
      list.push_back(std::move(upstream));
      upstreams.replace(std::move(list));
    }
    store = storage::open_local({.root = root.path()}, disk).value();
    auto database =
        db::open_database(
            {.kind = db::DatabaseKind::sqlite, .sqlite_path = root.path() / "db" / "x.sqlite"}, {})
            .value();
    catalog = std::move(database.catalog);
    pins = std::move(database.pins);
  }

  ~RouterTest() override {
    stop();
    catalog.reset();
    pins.reset();
    store.reset();
    disk.join();
    cpu.join();
  }

  // Starts what serves, with nothing in memory.
  void start() {
    parts = std::make_unique<Parts>(*this);
    auto handler = [this](const http::Request& r) { return parts->router.answer(r); };
    http::ServerOptions options;
    options.address = {.host = "127.0.0.1", .port = 0};
    server = http::Server::start(runtime, disk, options, handler).value();
  }

  void stop() {
    if (!server) return;
    auto deadline = Deadline::after(std::chrono::seconds(60));
    server->drain(deadline);
    EXPECT_TRUE(parts->objects.stop(deadline));
    EXPECT_TRUE(parts->downloads.stop(deadline));
    EXPECT_TRUE(parts->narinfos.stop(deadline));
    EXPECT_TRUE(parts->ready.stop(deadline));
    server.reset();
    parts.reset();
  }

  void serve(const Package& p) {
    first->put_narinfo(p.hash, p.narinfo);
    first->put_nar(p.nar_url, p.nar);
  }

  Answer get(std::string_view path, std::string_view more_headers = "") {
    return ask("GET", path, more_headers);
  }
  Answer head(std::string_view path, std::string_view more_headers = "") {
    return ask("HEAD", path, more_headers);
  }
  Answer ask(std::string_view method, std::string_view path, std::string_view more_headers = "") {
    RawClient client(server->port());
    client.send(std::string(method) + " " + std::string(path) + " HTTP/1.1\r\nHost: test\r\n" +
                std::string(more_headers) + "\r\n");
    auto answer = client.read(method == "HEAD" ? RawClient::To::head : RawClient::To::get);
    EXPECT_EQ(client.rest(), "");
    return answer;
  }

  // How the cache came by it, as the log would say.
  std::string how(std::string_view path) {
    auto boxed = [](Router& router, std::string_view to) -> Task<std::string> {
      PlainRequest request(to);
      auto response = co_await router.answer(request);
      co_return std::string(response.cache);
    };
    return block_on(runtime, boxed(parts->router, path)).value();
  }

  unsigned calls() const { return first->calls().all() + second->calls().all(); }

  static std::string value_of(const Answer& answer, std::string_view name) {
    auto at = answer.head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return "";
    at += name.size() + 4;
    return answer.head.substr(at, answer.head.find("\r\n", at) - at);
  }

  struct Parts {
    explicit Parts(RouterTest& t)
        : downloads(t.runtime,
                    {.store = *t.store,
                     .catalog = *t.catalog,
                     .disk = t.disk,
                     .cpu = t.cpu,
                     .policy = {},
                     .space = t.space},
                    {}),
          nars(*t.store, *t.catalog, t.upstreams, downloads),
          narinfos(t.runtime, *t.store, *t.catalog, t.upstreams, downloads, t.cpu, t.trust),
          objects(t.runtime, {.store = *t.store,
                              .upstreams = t.upstreams,
                              .narinfos = narinfos,
                              .nars = nars,
                              .disk = t.disk,
                              .cpu = t.cpu}),
          uses(t.runtime, *t.catalog),
          narinfo_routes(narinfos, uses, 1 << 20, permissions),
          nar_routes(nars, uses, permissions),
          object_routes(objects, permissions),
          uploads({.store = *t.store,
                   .catalog = *t.catalog,
                   .downloads = downloads,
                   .narinfos = narinfos,
                   .nars = nars,
                   .hot = narinfo_routes,
                   .disk = t.disk,
                   .cpu = t.cpu,
                   .trust = t.trust,
                   .upload_policy = t.upload_policy,
                   .write_policy = t.write_policy}),
          pin_routes({.pins = *t.pins,
                      .catalog = *t.catalog,
                      .store = *t.store,
                      .narinfos = narinfos,
                      .space = nullptr,
                      .policy = t.write_policy}),
          ready(t.runtime, *t.store, *t.catalog, t.upstreams),
          router({"cache.example", {t.key.public_key()}}, ready, narinfo_routes, nar_routes,
                 object_routes, uploads.routes, pin_routes, permissions) {}
    cache::Downloads downloads;
    cache::NarService nars;
    cache::NarInfoService narinfos;
    cache::ObjectService objects;
    cache::UseLog uses;
    Permissions permissions;
    NarInfoRoutes narinfo_routes;
    NarRoutes nar_routes;
    ObjectRoutes object_routes;
    UploadParts uploads;
    PinRoutes pin_routes;
    ReadyRoute ready;
    Router router;
  };

  ncps::testing::TempDir root;
  Runtime runtime{2};
  Pool disk{2}, cpu{1};
  nix::SecretKey key = nix::SecretKey::generate("cache.example").value();
  Live<cache::Trust> trust{{.upstream_keys = {}, .signing_keys = {key}, .sign_unverified = true}};
  Live<cache::UploadPolicy> upload_policy{{}};
  Live<WritePolicy> write_policy{{}};
  std::unique_ptr<storage::BlobStore> store;
  std::unique_ptr<db::Catalog> catalog;
  std::unique_ptr<db::Pins> pins;
  FakeUpstream* first = nullptr;  // asked first
  FakeUpstream* second = nullptr;
  upstream::UpstreamSet upstreams{{}};
  cache::Space* space = nullptr;  // nullptr: there is room for everything
  std::unique_ptr<Parts> parts;
  std::unique_ptr<http::Server> server;
};

}  // namespace ncps::server::testing
