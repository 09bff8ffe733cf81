// Serves a narinfo-sized Prepared on /x.narinfo and a file on /file, for wrk and the like.
//
//   http_server_bench ADDRESS FILE [THREADS]      ends at the end of its input
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "http/server.h"

namespace {

using namespace ncps;

class FileSource final : public ByteSource {
 public:
  FileSource(int fd, std::uint64_t size) : span_{.fd = fd, .offset = 0, .length = size} {}
  Task<Piece> next() override { co_return Piece(std::exchange(span_, {span_.fd, 0, 0})); }

 private:
  FileSpan span_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: {} ADDRESS FILE [THREADS]\n", argv[0]);
    return 2;
  }
  UniqueFd file(::open(argv[2], O_RDONLY | O_CLOEXEC));
  struct stat info{};
  if (!file || ::fstat(file.get(), &info) != 0) return 1;
  auto size = static_cast<std::uint64_t>(info.st_size);

  auto narinfo =
      http::prepare(200, {{"Content-Type", "text/x-nix-narinfo"}}, std::string(1024, 'x'));
  auto handler =
      [&](const http::Request& request) -> boost::asio::awaitable<http::Response> {  // NOLINT
    http::Response response;
    if (request.path == "/x.narinfo") {
      response.body = narinfo;
    } else if (request.path == "/file") {
      response.headers.push_back({"Content-Type", "application/x-nix-nar"});
      response.length = size;
      response.body = std::make_unique<FileSource>(file.get(), size);
    } else {
      response = http::text_response(404, "not found");
    }
    co_return response;
  };

  Runtime runtime(argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 2);
  Pool disk(4);
  http::ServerOptions options;
  auto address = http::parse_listen_address(argv[1]);
  if (!address) {
    fmt::print(stderr, "{}\n", address.error().what());
    return 2;
  }
  options.address = *std::move(address);
  auto server = http::Server::start(runtime, disk, options, handler);
  if (!server) {
    fmt::print(stderr, "{}\n", server.error().what());
    return 1;
  }
  fmt::print("{}\n", (*server)->address().str());
  std::fflush(stdout);
  std::cin.ignore(std::numeric_limits<std::streamsize>::max());
  (*server)->drain(Deadline::after(std::chrono::seconds(5)));
  disk.join();
}
