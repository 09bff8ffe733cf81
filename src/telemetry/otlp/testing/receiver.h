// Receiver: a collector for tests, with gRPC's own library at the other end. It decodes what it is
// sent, and misbehaves where it is told to. Thread-safe.
#pragma once

#include <otlp.pb.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ncps::otlp::testing {

struct Certificate {
  std::string chain, key;  // PEM
};

class Receiver {
 public:
  explicit Receiver(const std::optional<Certificate>& certificate = std::nullopt);
  ~Receiver();  // whoever hangs is let go

  std::string address() const;  // "127.0.0.1:port"

  // From now on: answers with that code (0: well), after so many times UNAVAILABLE.
  void answer(int code, int unavailable_before = 0);
  void hang();             // never answers
  void reject(int items);  // takes all but so many

  // Blocks until so many spans (lines, metrics) have come; what has come then, or after a minute.
  std::vector<wire::Span> spans(std::size_t at_least);
  std::vector<wire::LogRecord> lines(std::size_t at_least);
  std::map<std::string, wire::Metric> metrics(std::size_t at_least);  // the last ones, by name

  wire::Resource resource();                           // of what came last
  std::multimap<std::string, std::string> metadata();  // the headers of the last call
  int calls();

 private:
  class Service;
  std::unique_ptr<Service> service_;
};

}  // namespace ncps::otlp::testing
