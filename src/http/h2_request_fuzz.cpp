#include "http/h2_request.h"

#include <algorithm>
#include <array>
#include <utility>

#include "fuzzing/fuzz_target.h"
#include "http/h2/machine.h"
#include "http/request_head.h"
#include "http/text.h"

namespace ncps::http {
namespace {

constexpr H2Request::Limits kLimits{.head_bytes = 32ul << 10, .target_bytes = 256};

struct Asked {
  std::string method, path;
  std::vector<std::pair<std::string, std::string>> fields;
};

// "GET /path", then a line "name: value" for each field.
Asked asked_in(std::string_view text) {
  auto line = [&] {
    auto out = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(out.size() + 1, text.size()));
    return out;
  };
  auto first = line();
  auto space = std::min(first.find(' '), first.size());
  Asked asked{.method = std::string(first.substr(0, space)),
              .path = std::string(first.substr(std::min(space + 1, first.size()))),
              .fields = {}};
  while (!text.empty()) {
    auto field = line();
    auto colon = std::min(field.find(':'), field.size());
    asked.fields.emplace_back(field.substr(0, colon),
                              trimmed(field.substr(std::min(colon + 1, field.size()))));
  }
  return asked;
}

std::string as_http1(const Asked& asked) {
  auto out = asked.method + " " + asked.path + " HTTP/1.1\r\n";
  for (const auto& [name, value] : asked.fields)
    out.append(name).append(": ").append(value).append("\r\n");
  return out + "\r\n";
}

// RFC 7541: a literal that is not indexed, with a new name; its texts as they are.
void add_literal(std::string& block, std::string_view name, std::string_view value) {
  block += '\0';
  for (auto text : {name, value}) {
    auto size = text.size();
    if (size < 127) {
      block += static_cast<char>(size);
    } else {
      block += '\x7f';
      for (size -= 127; size >= 128; size >>= 7) block += static_cast<char>(0x80 | size % 128);
      block += static_cast<char>(size);
    }
    block += text;
  }
}

bool is_host(const std::pair<std::string, std::string>& field) {
  return same_word(field.first, "host");
}

enum class HostAs : bool { host, authority };

std::string as_http2(const Asked& asked, HostAs host, bool body) {
  std::string block;
  add_literal(block, ":method", asked.method);
  add_literal(block, ":scheme", "http");
  add_literal(block, ":path", asked.path);
  bool authority = host == HostAs::authority;
  auto first = std::ranges::find_if(asked.fields, is_host);
  if (authority && first != asked.fields.end()) add_literal(block, ":authority", first->second);
  for (auto it = asked.fields.begin(); it != asked.fields.end(); ++it) {
    std::string name = it->first;
    std::ranges::transform(name, name.begin(), to_lower);
    if (!authority || it != first) add_literal(block, name, it->second);
  }
  std::string out = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  out.append("\0\0\0\4\0\0\0\0\0", 9);  // SETTINGS
  CHECK(block.size() < 16'384);
  out += {0, static_cast<char>(block.size() >> 8), static_cast<char>(block.size()), 1};
  out += {static_cast<char>(body ? 4 : 5), 0, 0, 0, 1};
  return out + block;
}

// The request as the server keeps it, if the machine lets it come so far.
class Kept final : public h2::Events {
 public:
  H2Request request;
  Refusal refusal{.status = 400, .what = "the machine"};

 private:
  void begin(h2::StreamId) override {}
  void field(h2::StreamId, h2::Field field) override {
    request.add(field.name, field.value, kLimits.head_bytes);
  }
  void head_complete(h2::StreamId, Body body) override {
    refusal = request.judge(kLimits, body == Body::follows);
  }
  void data(h2::StreamId, std::string_view) override {}
  void data_end(h2::StreamId) override {}
  void sent_whole(h2::StreamId) override {}
  void closed(h2::StreamId) override {}
  void settled() override {}
  void pong() override {}
  h2::Pulled pull(h2::StreamId, std::span<char>) override { return {}; }
};

void check_same(const H2Request& two, const RequestHead& one, const Asked& asked) {
  CHECK(two.method == one.method && two.method_name == one.method_name);
  CHECK(two.target == one.target && two.path == one.path && two.query == one.query);
  CHECK(two.content_length == one.content_length);
  if (two.content_length) CHECK(two.has_body == one.has_body);
  if (two.content_length) CHECK(two.expects_continue == one.expects_continue);
  for (const auto& [name, value] : asked.fields) {
    CHECK(two.header(name) == one.header(name));
    if (!same_word(name, "host")) CHECK(two.values(name) == one.values(name));
  }
}

// What every client may send: nothing that is of HTTP/1 only, or that libnghttp2 is stricter with.
bool is_plain(const Asked& asked) {
  auto is_plain_text = [](std::string_view text, std::string_view more) {
    auto plain = [&](char c) {
      return (c >= '0' && c <= '9') || (to_lower(c) >= 'a' && to_lower(c) <= 'z') ||
             more.contains(c);
    };
    return !text.empty() && std::ranges::all_of(text, plain);
  };
  constexpr std::array<std::string_view, 7> kOfConnections{
      "connection", "keep-alive",        "proxy-connection", "upgrade",
      "te",         "transfer-encoding", "content-length"};
  bool fields = std::ranges::all_of(asked.fields, [&](const auto& field) {
    bool of_connection = std::ranges::any_of(
        kOfConnections, [&](auto name) { return same_word(field.first, name); });
    return !of_connection && is_plain_text(field.second, "-.");
  });
  return fields && asked.method != "CONNECT" && asked.path.starts_with('/') &&
         is_plain_text(asked.path, "-._/?=&%");
}

}  // namespace

// A request means the same in both versions, and is refused in both.
FUZZ_TARGET(h2_request) {
  auto how = fuzzing::take_byte(input);
  auto asked = asked_in(input);
  auto text = as_http1(asked);
  HeadScanner scanner;
  bool scanned =
      scanner.scan(text) == HeadScanner::State::complete && scanner.size() == text.size();
  RequestHead one;
  auto refusal = scanned ? read_head(text, kLimits.target_bytes, one) : Refusal{400, "the scanner"};

  Kept kept;
  h2::Machine machine(kept, h2::Limits());
  auto host = HostAs(how % 2 == 1);
  CHECK(machine.receive(as_http2(asked, host, how % 4 > 1), {}));
  // There may be the same Host beside ":authority", which HTTP/1 does not have.
  bool named_twice = host == HostAs::authority && std::ranges::count_if(asked.fields, is_host) > 1;
  if (kept.refusal.status == 0 && !named_twice) {
    CHECK(refusal.status == 0);
    check_same(kept.request, one, asked);
  } else if (kept.refusal.status != 0 && refusal.status == 0) {
    CHECK(!is_plain(asked) || kept.refusal.status == 431);
  }
}

}  // namespace ncps::http
