#include "server/route_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace ncps::server {
namespace {

TEST(RoutePattern, NamesWhatIsAskedForNotWhichOne) {
  const std::string hash = "0c0pr2zzmvvwbyx0dsvyjh4zxlqvyjbm", sha(52, '0'), hex(64, 'a');
  struct Case {
    std::string path;
    std::string_view pattern;
  };
  for (const auto& [path, pattern] : {
           Case{"/", "/"},
           Case{"/nix-cache-info", "/nix-cache-info"},
           Case{"/pubkey", "/pubkey"},
           Case{"/healthz", "/healthz"},
           Case{"/readyz", "/readyz"},
           Case{"/status", "/status"},
           Case{"/metrics", "/metrics"},
           Case{"/pins", "/pins"},
           Case{"/pin/" + hash + ".narinfo", "/pin/{hash}.narinfo"},
           Case{"/" + hash + ".narinfo", "/{hash}.narinfo"},
           Case{"/upload/" + hash + ".narinfo", "/upload/{hash}.narinfo"},
           Case{"/nar/" + sha + ".nar.xz", "/nar/{name}"},
           Case{"/upload/nar/" + sha + ".nar", "/upload/nar/{name}"},
           Case{"/" + hash + ".ls", "/{hash}.ls"},
           Case{"/log/" + hash + "-hello.drv", "/log/{derivation}"},
           Case{"/realisations/sha256:" + hex + "!out.doi", "/realisations/{id}"},
           Case{"/build-trace-v2/" + hash + "-a.drv/out.doi",
                "/build-trace-v2/{derivation}/{output}"},
           Case{"/debuginfo/" + std::string(40, 'a'), "/debuginfo/{id}"},
           Case{"/../etc/passwd", ""},
           Case{"/" + std::string(5'000, 'x'), ""},
           Case{"", ""},
       })
    EXPECT_EQ(route_pattern(path), pattern) << path;
}

}  // namespace
}  // namespace ncps::server
