// Bucket: one of a test's own in the real S3 server, and what a store in it needs.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "base/testing/temp_dir.h"
#include "fetch/curl/curl_client.h"
#include "rt/block_on.h"
#include "storage/s3/credential_keeper.h"
#include "storage/s3/s3_blob_store.h"
#include "storage/s3/s3_client.h"
#include "storage/s3/testing/gateway.h"

namespace ncps::s3::testing {

enum class Wire : bool { plain, tls };

struct Bucket {
  explicit Bucket(Wire wire) {
    static std::atomic<int> made{0};
    const auto& at = gateway();
    options.address.bucket = "b-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
    options.address.endpoint = wire == Wire::tls ? at.tls_url : at.url;
    options.access_key = at.access_key;
    options.secret_key = at.secret_key;
    options.spool = spool.path();
    http = client();
    keeper.emplace(
        [this](Deadline) -> Task<Credentials> {
          co_return Credentials{.access_key = options.access_key, .secret_key = options.secret_key};
        },
        [] { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); });
    lab.emplace(Address::parse(options.address).value(), *http, *keeper, cpu);
    EXPECT_TRUE(ask({.verb = fetch::Verb::put, .path = lab->address().bucket_path()}).good());
  }

  static std::unique_ptr<fetch::HttpClient> client() {
    return fetch::make_curl_client({.user_agent = "ncps/test", .ca_file = gateway().ca_file});
  }

  Result<std::unique_ptr<storage::BlobStore>> open() { return open_with(client()); }
  Result<std::unique_ptr<storage::BlobStore>> open_with(
      std::unique_ptr<fetch::HttpClient> through) {
    return open_s3(options, std::move(through), runtime, disk, cpu);
  }

  S3Answer ask(S3Request request) {
    return block_on(runtime,
                    lab->ask(std::move(request), Deadline::after(std::chrono::seconds(60))))
        .value();
  }

  // What a request answers as text.
  std::string text(S3Request request) {
    auto read = [](S3Client& lab, S3Request asked) -> Task<std::string> {
      auto deadline = Deadline::after(std::chrono::seconds(60));
      CO_TRY(auto answer, co_await lab.ask(std::move(asked), deadline));
      co_return co_await S3Client::read_text(std::move(answer), 1 << 20, deadline);
    };
    return block_on(runtime, read(*lab, std::move(request))).value();
  }

  // Keys of uploads that are neither completed nor aborted.
  std::string uploads() {
    return text({.path = lab->address().bucket_path(), .query = {{"uploads", ""}}});
  }

  ncps::testing::TempDir spool;
  Runtime runtime{2};
  Pool disk{2}, cpu{2};
  S3Options options;
  std::unique_ptr<fetch::HttpClient> http;
  std::optional<CredentialKeeper> keeper;
  std::optional<S3Client> lab;  // ours, to look at the bucket with

  ~Bucket() {
    disk.join();
    cpu.join();
  }
};

}  // namespace ncps::s3::testing
