// Bodies that come from a ByteSource: whole, in files, cut, failing, slow.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <filesystem>

#include "http/file_pages.h"
#include "http/testing/server_fixture.h"
#include "rt/sure_source.h"
#include "telemetry/log.h"

namespace ncps::http {
namespace {

using namespace std::chrono_literals;
using testing::Gate;
using testing::pattern;
using testing::PieceSource;
using testing::RawClient;
using testing::response_of;
using testing::SpanSource;

struct HttpBody : testing::ServerTest {
  using Length = std::optional<std::uint64_t>;

  void serve_pieces(std::string path, std::deque<std::string> pieces, Length length,
                    std::optional<Error> error = std::nullopt) {
    serve(std::move(path), [=] {
      auto source = std::make_unique<PieceSource>();
      source->pieces = pieces;
      source->error = error;
      return response_of(std::move(source), length);
    });
  }

  void serve_spans(std::string path, std::deque<FileSpan> spans, Length length) {
    serve(std::move(path),
          [=] { return response_of(std::make_unique<SpanSource>(spans), length); });
  }

  // A file on disk that has no name any more; `files` closes it.
  int make_file(std::string_view content) {
    auto name = (std::filesystem::temp_directory_path() / "ncps-body-XXXXXX").string();
    auto& file = files.emplace_back(::mkstemp(name.data()));
    ::unlink(name.c_str());
    for (auto rest = content; !rest.empty();) {
      auto written = ::write(file.get(), rest.data(), rest.size());
      if (written <= 0) throw std::runtime_error("cannot write the test's file");
      rest.remove_prefix(static_cast<std::size_t>(written));
    }
    return file.get();
  }

  const Error kBroken{ErrorKind::unavailable, "broken on purpose in a test"};
};

TEST_F(HttpBody, PiecesBecomeOneBody) {
  serve_pieces("/known", {"a", "bc", "def"}, 6);
  serve_pieces("/one", {"x"}, 1);
  serve_pieces("/chunked", {"a", "bc", std::string(100'000, 'd')}, std::nullopt);
  serve_pieces("/empty", {}, 0);
  serve_pieces("/empty-chunked", {}, std::nullopt);
  RawClient client(start().port());
  for (int i = 0; i < 3; ++i) {
    for (auto [path, body] : {std::pair<std::string, std::string>{"/known", "abcdef"},
                              {"/one", "x"},
                              {"/chunked", "abc" + std::string(100'000, 'd')},
                              {"/empty", ""},
                              {"/empty-chunked", ""}}) {
      ASSERT_TRUE(client.get(path));
      auto answer = client.read();
      EXPECT_EQ(answer.status, 200u);
      EXPECT_TRUE(answer.complete);
      EXPECT_TRUE(answer.body == body) << path;
    }
  }
}

TEST_F(HttpBody, WithoutLengthHttp10ReadsUntilTheEnd) {
  serve_pieces("/", {"a", "bc"}, std::nullopt);
  RawClient client(start().port());
  ASSERT_TRUE(client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
  auto answer = client.read();
  EXPECT_EQ(answer.body, "abc");
  EXPECT_TRUE(answer.complete);
  EXPECT_TRUE(answer.has("Connection: close\r\n"));
  EXPECT_FALSE(answer.has("Transfer-Encoding"));
}

TEST_F(HttpBody, FilesAreSentFromMemoryAndFromDisk) {
  auto content = pattern(3'000'000);
  auto file = make_file(content);
  serve_spans("/file", {{file, 0, content.size()}}, content.size());
  serve_spans("/part", {{file, 1'000'001, 999}}, 999);
  serve_spans("/byte", {{file, 77, 1}}, 1);
  serve_spans("/two", {{file, 0, 600'000}, {file, 600'000, 700'000}}, 1'300'000);
  serve_spans("/chunked", {{file, 0, 600'000}, {file, 600'000, 5}}, std::nullopt);
  RawClient client(start().port());
  for (auto heat : {"warm", "cold"}) {
    for (auto [path, body] : {std::pair<std::string, std::string>{"/file", content},
                              {"/part", content.substr(1'000'001, 999)},
                              {"/byte", content.substr(77, 1)},
                              {"/two", content.substr(0, 1'300'000)},
                              {"/chunked", content.substr(0, 600'005)}}) {
      if (heat == std::string_view("cold")) {
        ASSERT_EQ(::fsync(file), 0);
        ASSERT_EQ(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
      }
      ASSERT_TRUE(client.get(path));
      auto answer = client.read();
      EXPECT_TRUE(answer.complete) << path << ' ' << heat;
      EXPECT_TRUE(answer.body == body) << path << ' ' << heat << ' ' << answer.body.size();
    }
  }
}

// A file at rest: gives it, and is not at its end before the gate opens.
class SureSpan final : public SureSource {
 public:
  SureSpan(FileSpan span, Gate& gate) : span_(span), gate_(gate) {}

  Task<Piece> next() override {
    if (span_.length > 0) co_return Piece(std::exchange(span_, {}));
    co_await gate_.pass();
    co_return Piece(std::string_view());
  }

 private:
  FileSpan span_;
  Gate& gate_;
};

TEST_F(HttpBody, NothingIsKeptBackOfWhatWasRightBefore) {
  auto content = pattern(3'000'000);
  auto file = make_file(content);
  auto gate = std::make_shared<Gate>();  // as long as the routes: the last answer's end comes late
  for (std::size_t size : {1ul, 2ul, content.size()})
    serve("/" + std::to_string(size), [file, size, gate] {
      return response_of(std::make_unique<SureSpan>(FileSpan{file, 0, size}, *gate), size);
    });
  auto port = start().port();
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t size : {1ul, 2ul, content.size()}) {
    auto& client = *clients.emplace_back(std::make_unique<RawClient>(port));
    ASSERT_TRUE(client.get("/" + std::to_string(size)));
    auto answer = client.read();  // while its source is still being asked for the end
    EXPECT_TRUE(answer.complete) << size;
    EXPECT_TRUE(answer.body == content.substr(0, size)) << size;
  }
  gate->open();
  for (auto& client : clients) {
    ASSERT_TRUE(client->get("/1"));
    EXPECT_EQ(client->read().body, content.substr(0, 1));
  }
}

// Gives what it was given, though it may not be what was announced.
class SurePieces final : public SureSource {
 public:
  explicit SurePieces(std::deque<Piece> pieces) : pieces_(std::move(pieces)) {}

  Task<Piece> next() override {
    if (pieces_.empty()) co_return Piece(std::string_view());
    auto piece = pieces_.front();
    pieces_.pop_front();
    co_return piece;
  }

 private:
  std::deque<Piece> pieces_;
};

TEST_F(HttpBody, WhatIsSureToBeRightIsStillMeasured) {
  auto content = pattern(700'000);
  auto file = make_file(content);
  FileSpan all{file, 0, content.size()}, half{file, 0, 300'000}, rest{file, 300'000, 400'000};
  using Pieces = std::deque<Piece>;
  auto give = [this](std::string path, Pieces pieces, std::uint64_t length) {
    serve(std::move(path),
          [=] { return response_of(std::make_unique<SurePieces>(pieces), length); });
  };
  give("/file", {all}, content.size());
  give("/halves", {half, rest}, content.size());
  give("/text", {"abc", "def"}, 6);
  give("/both", {"abc", half}, 300'003);
  give("/empty", {}, 0);
  give("/short", {half}, content.size());
  give("/nothing", {}, 1);
  give("/beyond", {FileSpan{file, 10, content.size()}}, content.size());
  give("/more", {"abcd"}, 3);
  auto port = start().port();
  RawClient client(port);
  for (auto [path, body] : {std::pair<std::string, std::string>{"/file", content},
                            {"/halves", content},
                            {"/text", "abcdef"},
                            {"/both", "abc" + content.substr(0, 300'000)},
                            {"/empty", ""}}) {
    ASSERT_TRUE(client.get(path));
    auto answer = client.read();
    EXPECT_TRUE(answer.complete && answer.body == body) << path << ' ' << answer.body.size();
  }
  for (auto path : {"/short", "/nothing", "/beyond", "/more"}) {
    RawClient other(port);
    ASSERT_TRUE(other.get(path));
    EXPECT_FALSE(other.read().complete) << path;
    EXPECT_TRUE(other.reset()) << path;
  }
}

TEST_F(HttpBody, APreparedFileIsSentWhole) {
  auto content = pattern(3'000'000);
  auto file = make_file(content);
  auto prepared = [=](std::uint64_t length) {
    Response response;
    response.body = PreparedFile{.head = prepare_file({{"X-Mark", "m"}}, length),
                                 .owner = nullptr,
                                 .span = {file, 0, length}};
    return response;
  };
  const std::size_t sizes[] = {0, 1, 60'000, 128ul << 10, (128ul << 10) + 1, content.size()};
  for (auto size : sizes) serve("/" + std::to_string(size), [=] { return prepared(size); });
  serve("/shorter", [=] { return prepared(content.size() + 1); });
  auto port = start().port();
  RawClient client(port);
  for (int round = 0; round < 2; ++round)
    for (auto size : sizes) {
      auto path = "/" + std::to_string(size);
      ASSERT_TRUE(client.get(path));
      auto answer = client.read();
      EXPECT_EQ(answer.status, 200u);
      EXPECT_TRUE(answer.has("X-Mark: m\r\n")) << answer.head;
      EXPECT_TRUE(answer.has("Content-Length: " + std::to_string(size) + "\r\n")) << answer.head;
      EXPECT_TRUE(answer.has("\r\nDate: ")) << answer.head;
      EXPECT_TRUE(answer.complete && answer.body == content.substr(0, size)) << path;
      ASSERT_TRUE(client.send("HEAD " + path + " HTTP/1.1\r\nHost: a\r\n\r\n"));
      EXPECT_TRUE(client.read(RawClient::To::head).has("Content-Length: " + std::to_string(size)));
    }
  // Pipelined, so that the client's side is full when the last ones are sent.
  std::string requests;
  for (int i = 0; i < 300; ++i) requests += "GET /60000 HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_TRUE(client.send(requests));
  for (int i = 0; i < 300; ++i) {
    auto answer = client.read();
    ASSERT_TRUE(answer.complete && answer.body == content.substr(0, 60'000)) << i;
  }
  RawClient cut(port);
  ASSERT_TRUE(cut.get("/shorter"));
  EXPECT_FALSE(cut.read().complete);
  EXPECT_TRUE(cut.reset());
}

TEST_F(HttpBody, ASourceThatFailsNeverLooksComplete) {
  serve_pieces("/known", {"abc"}, 6, kBroken);
  serve_pieces("/at-once", {}, 6, kBroken);
  serve_pieces("/chunked", {"abc"}, std::nullopt, kBroken);
  serve_pieces("/at-the-end", {"abc", "def"}, 6, kBroken);  // a hash that does not fit, say
  serve_pieces("/one", {"x"}, 1, kBroken);
  serve_pieces("/empty", {}, 0, kBroken);
  auto port = start().port();
  for (auto path : {"/known", "/at-once", "/chunked", "/at-the-end", "/one", "/empty"}) {
    RawClient client(port);
    ASSERT_TRUE(client.get(path));
    auto answer = client.read();
    EXPECT_FALSE(answer.complete) << path << ": " << answer.body;
    EXPECT_FALSE(client.ends_cleanly()) << path;
    EXPECT_TRUE(client.reset()) << path;
  }
  RawClient old(port);
  ASSERT_TRUE(old.send("GET /chunked HTTP/1.0\r\n\r\n"));
  EXPECT_FALSE(old.read().complete);
  EXPECT_TRUE(old.reset());
}

TEST_F(HttpBody, ASourceOfAnotherLengthNeverLooksComplete) {
  auto content = pattern(1'000'000);
  auto file = make_file(content);
  auto size = content.size();
  serve_pieces("/short", {"abc"}, 6);
  serve_pieces("/nothing", {}, 6);
  serve_pieces("/long", {"abc", "defg"}, 6);
  serve_pieces("/surplus", {"abcdef", "g"}, 6);
  serve_spans("/short-file", {{file, 0, size + 1}}, size + 1);
  serve_spans("/short-file-chunked", {{file, 0, size + 1}}, std::nullopt);
  serve_spans("/beyond-file", {{file, size + 100, 10}}, 10);
  serve_spans("/short-span", {{file, 0, size}}, size + 1);
  auto port = start().port();
  for (auto path : {"/short", "/nothing", "/long", "/surplus", "/short-file", "/short-file-chunked",
                    "/beyond-file", "/short-span"}) {
    RawClient client(port);
    ASSERT_TRUE(client.get(path));
    auto answer = client.read();
    EXPECT_FALSE(answer.complete) << path << ": " << answer.body.size();
    EXPECT_FALSE(client.ends_cleanly()) << path;
    EXPECT_TRUE(client.reset()) << path;
  }
}

TEST_F(HttpBody, AFileThatCannotBeReadIsLoggedAndNotTakenForAClientThatLeft) {
  auto file = make_file("abc");
  serve_spans("/short", {{file, 0, 3}, {file, 3, 4}}, 7);
  serve_spans("/last", {{file, 0, 4}}, 4);
  ::testing::internal::CaptureStdout();
  log::start(log::Level::info, log::Format::json);
  auto& server = start();
  for (auto path : {"/short", "/last"}) {
    RawClient client(server.port());
    ASSERT_TRUE(client.get(path));
    EXPECT_FALSE(client.read().complete) << path;
  }
  server.drain(Deadline::never());
  log::stop();
  auto text = ::testing::internal::GetCapturedStdout();
  for (std::string path : {"/short", "/last"})
    EXPECT_TRUE(text.contains("\"request_uri\":\"" + path + "\",\"error\":\"the file")) << text;
  EXPECT_TRUE(text.contains(R"("complete":false)")) << text;
}

TEST(MayWaitForDisk, WhereTheFileSystemCannotTellItMay) {
  struct Row {
    std::int64_t got;
    int error;
    bool wanted;
  };
  for (auto row : {Row{1, 0, false}, Row{1, EAGAIN, false}, Row{0, EOPNOTSUPP, false},
                   Row{-1, EAGAIN, true}, Row{-1, EOPNOTSUPP, true}, Row{-1, EIO, false}})
    EXPECT_EQ(may_wait_for_disk(row.got, row.error), row.wanted) << row.got << " " << row.error;
}

TEST_F(HttpBody, TheHeadDoesNotWaitForALateBody) {
  Gate gate;
  serve("/late", [&] {
    auto source = std::make_unique<PieceSource>();
    source->pieces = {"abc", "def"};
    source->gate = &gate;
    return response_of(std::move(source), 6);
  });
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/late"));
  while (client.rest().find("\r\n\r\n") == std::string::npos) ASSERT_TRUE(client.more());
  EXPECT_TRUE(client.rest().ends_with("\r\n\r\n"));
  gate.open();
  auto answer = client.read();
  EXPECT_TRUE(answer.complete);
  EXPECT_EQ(answer.body, "abcdef");
}

TEST_F(HttpBody, BytesDoNotWaitForLaterOnes) {
  Gate gate;
  serve("/late", [&] {
    auto source = std::make_unique<PieceSource>();
    source->pieces = {"abc", "def"};
    source->gate = &gate;
    source->gated = 1;
    return response_of(std::move(source), 6);
  });
  RawClient client(start().port());
  ASSERT_TRUE(client.get("/late"));
  while (!client.rest().ends_with("abc")) ASSERT_TRUE(client.more());
  gate.open();
  EXPECT_EQ(client.read().body, "abcdef");
}

TEST_F(HttpBody, ManySlowReadersHoldUpNobody) {
  constexpr std::size_t kClients = 200;
  auto content = pattern(1'000'000);
  auto file = make_file(content);
  serve_spans("/file", {{file, 0, content.size()}}, content.size());
  serve_pieces("/memory", {content.substr(0, 400'000), content.substr(400'000)}, std::nullopt);
  auto port = start().port();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (std::size_t i = 0; i < kClients; ++i) {
    auto& client = *slow.emplace_back(std::make_unique<RawClient>(port, 4096));
    ASSERT_TRUE(client.get(i % 2 == 0 ? "/file" : "/memory"));
  }
  RawClient quick(port);
  ASSERT_TRUE(quick.get("/hello"));
  EXPECT_EQ(quick.read().status, 200u);
  for (auto& client : slow) {
    auto answer = client->read();
    ASSERT_TRUE(answer.complete);
    ASSERT_TRUE(answer.body == content);
    client = nullptr;
  }
}

TEST_F(HttpBody, AFileOfWhichOnlyTheBeginningIsInMemoryIsNotInMemory) {
  auto content = pattern(100'000);
  auto file = make_file(content);
  ASSERT_EQ(::fsync(file), 0);
  ASSERT_EQ(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
  struct statfs where{};
  ASSERT_EQ(::fstatfs(file, &where), 0);
  bool on_disk = where.f_type != TMPFS_MAGIC;  // which is memory
  EXPECT_EQ(is_resident(file, 0, content.size()), !on_disk);
  ASSERT_EQ(::posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM), 0);  // nothing is read ahead
  char byte;
  ASSERT_EQ(::pread(file, &byte, 1, 0), 1);
  EXPECT_TRUE(is_resident(file, 0, 1));
  EXPECT_EQ(is_resident(file, 0, content.size()), !on_disk);
  EXPECT_EQ(warm_up(file, 0, content.size(), 0), 0);
  EXPECT_TRUE(is_resident(file, 0, content.size()));
  EXPECT_TRUE(is_resident(file, content.size(), 0));
}

// Over TLS a record that has begun must go on with the bytes it began with.
TEST_F(HttpBody, WhatLeavesMemoryWhileAClientIsSlowIsReadAgain) {
  auto content = pattern(6'000'000);
  auto file = make_file(content);
  ASSERT_EQ(::fsync(file), 0);
  serve_spans("/file", {{file, 0, content.size()}}, content.size());
  RawClient client(start().port(), 4096);
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(client.get("/file"));
    while (client.rest().size() < content.size()) {
      ASSERT_TRUE(client.more());
      ASSERT_EQ(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
    }
    auto answer = client.read();
    EXPECT_TRUE(answer.complete);
    EXPECT_TRUE(answer.body == content);
  }
}

TEST_F(HttpBody, AClientThatGoesAwayInMidBodyHarmsNobody) {
  auto content = pattern(8'000'000);
  auto file = make_file(content);
  serve_spans("/file", {{file, 0, content.size()}}, content.size());
  serve_pieces("/memory", {content}, content.size());
  auto& server = start();
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.port(), 4096);
    ASSERT_TRUE(client.get(i % 2 == 0 ? "/file" : "/memory"));
    ASSERT_TRUE(client.more());
  }
  RawClient client(server.port());
  ASSERT_TRUE(client.get("/file"));
  EXPECT_TRUE(client.read().body == content);
  server.drain(Deadline::after(20s));
  EXPECT_EQ(server.connections(), 0u);
}

}  // namespace
}  // namespace ncps::http
