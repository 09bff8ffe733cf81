// The real S3 server of a test run: the one that ctest has started (the file that NCPS_S3_GATEWAY
// names), else one of this process, which ends with it. Started by tests/e2e/lab/s3_gateway.py.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/check.h"

namespace ncps::s3::testing {

struct Gateway {
  std::string url, tls_url;  // path style; the bucket in the host: BUCKET.domain
  std::string ca_file;       // for tls_url
  std::string domain;
  std::string access_key, secret_key;
};

inline Gateway read_gateway(const std::string& file) {
  std::ifstream in(file);
  auto said = nlohmann::json::parse(in, nullptr, false);
  CHECK(said.is_object());
  return {said.at("url"),    said.at("tls_url"),    said.at("ca_file"),
          said.at("domain"), said.at("access_key"), said.at("secret_key")};
}

inline std::string start_own_gateway() {
  auto file = "/tmp/ncps-own-gateway-" + std::to_string(::getpid()) + ".json";
  // exec: the server watches its parent, which has to be this process.
  auto command =
      "cd '" NCPS_SOURCE_DIR "' && exec python3 -m tests.e2e.lab.s3_gateway start " + file;
  CHECK(std::system(command.c_str()) == 0);
  return file;
}

// Where it is. Blocks for some seconds where it has to be started.
inline const Gateway& gateway() {
  static const Gateway one = [] {
    const char* given = std::getenv("NCPS_S3_GATEWAY");
    bool there = given != nullptr && ::access(given, R_OK) == 0;
    return read_gateway(there ? std::string(given) : start_own_gateway());
  }();
  return one;
}

}  // namespace ncps::s3::testing
