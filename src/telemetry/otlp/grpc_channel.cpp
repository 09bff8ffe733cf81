#include "telemetry/otlp/grpc_channel.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "fetch/curl/curl_environment.h"

namespace ncps::otlp {
namespace {

constexpr std::size_t kMostReply = 64 << 10;  // a collector has little to say
constexpr std::size_t kMostWhat = 300;
constexpr auto kConnectTime = std::chrono::seconds(3);

int code_of_status(long status) {  // gRPC, "HTTP to gRPC Status Code Mapping"
  switch (status) {
    case 400: return kInternal;
    case 401: return kUnauthenticated;
    case 403: return 7;
    case 404: return kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504: return kUnavailable;
    default: return kUnknown;
  }
}

// What the server cannot be blamed for forever: it is away, or it said nothing in time.
int code_of(CURLcode code) {
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT: return kDeadlineExceeded;
    case CURLE_ABORTED_BY_CALLBACK: return kCancelled;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_WRITE_ERROR: return kInternal;
    default: return kUnavailable;
  }
}

// grpc-message is percent-encoded UTF-8, and a stranger's.
std::string readable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size() && out.size() < kMostWhat; ++i) {
    unsigned byte = static_cast<unsigned char>(text[i]);
    if (byte == '%' && i + 2 < text.size()) {
      auto [end, ec] = std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16);
      if (ec == std::errc() && end == text.data() + i + 3) i += 2;
    }
    out.push_back(byte < 0x20 || byte == 0x7f ? ' ' : static_cast<char>(byte));
  }
  return out;
}

bool names(std::string_view line, std::string_view name) {
  return line.size() > name.size() && line[name.size()] == ':' &&
         std::ranges::equal(line.substr(0, name.size()), name,
                            [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
}

struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

}  // namespace

struct GrpcChannel::Handle {
  CURL* easy = curl_easy_init();
  std::unique_ptr<curl_slist, FreeList> headers;
  fetch::CurlEnvironment environment = fetch::read_curl_environment();
  ~Handle() { curl_easy_cleanup(easy); }
};

// What comes back.
struct GrpcChannel::Call {
  const std::atomic<Clock::rep>& give_up;
  std::optional<int> code = {};
  std::string what = {}, body = {};

  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) {
    auto* me = static_cast<Call*>(self);
    std::string_view line(data, size * count);
    auto value = line.substr(std::min(line.find(':') + 1, line.size()));
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.remove_suffix(1);
    if (names(line, "grpc-status")) {
      int code = kUnknown;
      std::from_chars(value.data(), value.data() + value.size(), code);
      me->code = code;
    } else if (names(line, "grpc-message")) {
      me->what = readable(value);
    }
    return size * count;
  }

  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) {
    auto* me = static_cast<Call*>(self);
    if (me->body.size() + size * count > kMostReply) return 0;
    me->body.append(data, size * count);
    return size * count;
  }

  static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    auto* me = static_cast<Call*>(self);
    return Clock::now().time_since_epoch().count() >= me->give_up.load() ? 1 : 0;
  }
};

GrpcChannel::GrpcChannel(ChannelOptions options)
    : options_(std::move(options)),
      handle_(std::make_unique<Handle>()),
      give_up_(Clock::time_point::max().time_since_epoch().count()) {
  auto set = [this](CURLoption option, auto value) {
    curl_easy_setopt(handle_->easy, option, value);
  };
  auto add = [this](const std::string& line) {
    auto* longer = curl_slist_append(handle_->headers.get(), line.c_str());
    if (longer == nullptr) return;  // no memory: the call fails
    static_cast<void>(
        handle_->headers.release());  // NOLINT(bugprone-unused-return-value): longer begins with it
    handle_->headers.reset(longer);
  };
  add("content-type: application/grpc");
  add("te: trailers");
  add("Expect:");
  for (const auto& [name, value] : options_.headers)
    add(value.empty() ? name + ";" : fmt::format("{}: {}", name, value));
  set(CURLOPT_HTTPHEADER, handle_->headers.get());
  set(CURLOPT_POST, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(std::chrono::milliseconds(kConnectTime).count()));
  if (options_.server.tls) {
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  } else {
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
    set(CURLOPT_NOPROXY, "*");  // one that tunnels nothing cannot carry this
    // libcurl 7.88 fails on the second request of such a connection (its issue 10634; right in 8.0).
    // A connection for each export, of which there is one a second at most, costs nothing to speak of.
    set(CURLOPT_FORBID_REUSE, 1L);
  }
  // Whom to trust: what is said for this alone, then what is said for all, then the system's.
  const auto& environment = handle_->environment;
  if (!options_.ca_file.empty()) {
    set(CURLOPT_CAINFO, options_.ca_file.c_str());
    set(CURLOPT_CAPATH, nullptr);
  } else {
    if (environment.cert_file) set(CURLOPT_CAINFO, environment.cert_file->c_str());
    if (environment.cert_dir) set(CURLOPT_CAPATH, environment.cert_dir->c_str());
  }
  set(CURLOPT_HEADERFUNCTION, &Call::on_header);
  set(CURLOPT_WRITEFUNCTION, &Call::on_body);
  set(CURLOPT_XFERINFOFUNCTION, &Call::on_progress);
  set(CURLOPT_NOPROGRESS, 0L);
}

GrpcChannel::~GrpcChannel() = default;

void GrpcChannel::give_up_at(Clock::time_point when) noexcept {
  give_up_.store(when.time_since_epoch().count());
}

Outcome GrpcChannel::call(std::string_view method, std::string_view message,
                          Clock::time_point deadline) {
  auto last = Clock::time_point(Clock::duration(give_up_.load()));
  auto left = std::chrono::duration_cast<std::chrono::milliseconds>(std::min(deadline, last) -
                                                                    Clock::now());
  if (left.count() <= 0) return {.code = kDeadlineExceeded, .what = "no time is left", .reply = {}};
  auto set = [this](CURLoption option, auto value) {
    curl_easy_setopt(handle_->easy, option, value);
  };
  // A frame: not compressed, its length, the message.
  std::string frame(5, '\0');
  for (std::size_t i = 0; i < 4; ++i)
    frame[1 + i] = static_cast<char>(message.size() >> (24 - 8 * i) & 0xff);
  frame.append(message);
  Call call{.give_up = give_up_};
  char error_text[CURL_ERROR_SIZE] = "";
  auto url = options_.server.str() + std::string(method);
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_POSTFIELDS, frame.data());
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(frame.size()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(left.count()));
  set(CURLOPT_HEADERDATA, &call);
  set(CURLOPT_WRITEDATA, &call);
  set(CURLOPT_XFERINFODATA, &call);
  set(CURLOPT_ERRORBUFFER, error_text);
  auto result = curl_easy_perform(handle_->easy);
  set(CURLOPT_ERRORBUFFER, nullptr);
  if (result != CURLE_OK) {
    std::string what = error_text[0] != '\0' ? error_text : curl_easy_strerror(result);
    return {.code = code_of(result),
            .what = fetch::without_proxies(std::move(what), handle_->environment),
            .reply = {}};
  }
  long status = 0, version = 0;
  curl_easy_getinfo(handle_->easy, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle_->easy, CURLINFO_HTTP_VERSION, &version);
  if (version != CURL_HTTP_VERSION_2_0)
    return {.code = kUnimplemented, .what = "the server does not speak HTTP/2", .reply = {}};
  if (!call.code)
    return {.code = status == 200 ? kInternal : code_of_status(status),
            .what = "no gRPC answer, HTTP status " + std::to_string(status),
            .reply = {}};
  if (*call.code != kOk)
    return {.code = *call.code,
            .what = call.what.empty() ? "gRPC status " + std::to_string(*call.code) : call.what,
            .reply = {}};
  if (call.body.size() < 5 || call.body[0] != '\0')
    return {.code = kInternal, .what = "the answer is no message", .reply = {}};
  return {.code = kOk, .what = {}, .reply = call.body.substr(5)};
}

}  // namespace ncps::otlp
