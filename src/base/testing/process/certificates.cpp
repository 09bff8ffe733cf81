#include "base/testing/process/certificates.h"

#include <fstream>
#include <string>
#include <vector>

#include "base/testing/process/child.h"

namespace ncps::testing {

void make_certificates(const std::filesystem::path& folder) {
  std::ofstream(folder / "names") << "subjectAltName=DNS:localhost\n";
  auto openssl = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "/usr/bin/openssl");
    run_to_end(arguments, folder / "log");
  };
  auto file = [&](const char* name) { return (folder / name).native(); };
  for (const char* name : {"ca", "other"}) {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-days", "2", "-subj", std::string("/CN=") + name, "-keyout", file(name) + ".key",
             "-out", file(name) + ".pem"});
  }
  openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
           "/CN=localhost", "-keyout", file("server.key"), "-out", file("server.csr")});
  openssl({"x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey",
           file("ca.key"), "-CAcreateserial", "-days", "2", "-extfile", file("names"), "-out",
           file("server.pem")});
}

}  // namespace ncps::testing
