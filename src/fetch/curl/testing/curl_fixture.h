// A CurlClient, a Runtime to ask it on, and a real server to ask.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "fetch/curl/curl_client.h"
#include "http/testing/server_fixture.h"
#include "rt/block_on.h"

namespace ncps::fetch::testing {

// All that a body gave: its bytes, and the Error if it did not end cleanly.
struct Whole {
  std::string text;
  std::optional<Error> error;
  std::size_t largest_piece = 0;
};

inline Task<Whole> read_whole(ByteSource& source) {
  Whole whole;
  for (;;) {
    auto piece = co_await source.next();
    if (!piece) {
      whole.error = std::move(piece).error();
      co_return whole;
    }
    auto bytes = std::get<std::string_view>(*piece);
    if (bytes.empty()) co_return whole;
    whole.text.append(bytes);
    whole.largest_piece = std::max(whole.largest_piece, bytes.size());
  }
}

struct CurlTest : http::testing::ServerTest {
  CurlTest() {
    // The proxies and certificates of the machine that runs the tests are not what they are about.
    for (auto name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                      "no_proxy", "NO_PROXY", "NIX_SSL_CERT_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"})
      ::unsetenv(name);
    client = make_curl_client({.user_agent = "ncps/test"});
  }

  Result<HttpAnswer> fetch(HttpRequest request,
                           Deadline deadline = Deadline::after(std::chrono::seconds(60))) {
    return block_on(runtime, fetch_from(*client, std::move(request), deadline, blame));
  }

  static Task<HttpAnswer> fetch_from(HttpClient& client, HttpRequest request, Deadline deadline,
                                     std::optional<Blame>& blame) {
    auto result = co_await client.fetch(std::move(request), deadline);
    if (result) co_return std::move(*result);
    blame = result.error().blame;
    co_return std::unexpected(std::move(result.error().error));
  }

  Whole read(ByteSource& source) { return block_on(runtime, read_whole(source)).value(); }

  // The next piece as a copy.
  Result<std::string> next(ByteSource& source) {
    auto copy = [](ByteSource& from) -> Task<std::string> {
      CO_TRY(auto piece, co_await from.next());
      co_return std::string(std::get<std::string_view>(piece));
    };
    return block_on(runtime, copy(source));
  }

  static std::string local(std::uint16_t port, std::string_view path) {
    return "http://127.0.0.1:" + std::to_string(port) + std::string(path);
  }

  std::unique_ptr<HttpClient> client;
  std::optional<Blame> blame;  // of the last fetch that failed
};

}  // namespace ncps::fetch::testing
