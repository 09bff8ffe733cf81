#include "fetch/curl/curl_transfer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <string_view>

#include "fetch/origin.h"

namespace ncps::fetch {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n' || text.back() == ' '))
    text.remove_suffix(1);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

std::string seconds_of(std::chrono::milliseconds time) {
  return std::to_string(time.count() / 1000) + "." + std::to_string(time.count() % 1000 / 100) +
         " s";
}

// libcurl-errors(3): what happens before a request can be sent. There is no time for the whole, so
// a timeout is that of connecting.
Blame blame_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_PROXY: return Blame::unreachable;
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT: return Blame::nobody;
    default: return Blame::broken;
  }
}

}  // namespace

CurlTransfer::CurlTransfer(HttpRequest request, std::shared_ptr<const CurlSettings> settings)
    : settings_(std::move(settings)),
      request_(std::move(request)),
      host_(origin_of(request_.url)),
      home_(request_.home.empty() ? host_ : origin_of(request_.home)),
      easy_(curl_easy_init()) {
  auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy(), option, value); };
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_USERAGENT, settings_->user_agent.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, request_.redirects == Redirects::follow ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, 10L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
  set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's head is none of an answer
  // Over TLS the handshake tells whether a connection can be shared. Without it only the first
  // answer would, and all others would wait for that one.
  if (same_name(request_.url.substr(0, 8), "https://")) set(CURLOPT_PIPEWAIT, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_TCP_KEEPIDLE, 60L);
  set(CURLOPT_TCP_KEEPINTVL, 15L);
  // A resolver that hangs is left to itself: waiting for it would hold up all transfers.
  set(CURLOPT_QUICK_EXIT, 1L);
  trust(settings_->environment);
  set(CURLOPT_BUFFERSIZE, static_cast<long>(kReceivedAtOnce));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.timeouts.connect.count()));
  set(CURLOPT_ERRORBUFFER, error_text_);
  set(CURLOPT_PRIVATE, this);
  set(CURLOPT_HEADERFUNCTION, &CurlTransfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_PREREQFUNCTION, &CurlTransfer::on_connected);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_WRITEFUNCTION, &CurlTransfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  if (!request_.netrc_file.empty()) {
    set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));  // what the URL says goes first
    set(CURLOPT_NETRC_FILE, request_.netrc_file.c_str());
  }
  if (request_.proxies == Proxies::none) set(CURLOPT_NOPROXY, "*");
  shape();
  undoes_ = request_.decode == Decode::yes && request_.first_byte == 0;
  if (undoes_) set(CURLOPT_ACCEPT_ENCODING, "");
  if (request_.first_byte > 0) {
    auto range = std::to_string(request_.first_byte) + "-";
    set(CURLOPT_RANGE, range.c_str());
  }
}

void CurlTransfer::shape() {
  auto set = [this](CURLoption option, auto value) { curl_easy_setopt(easy(), option, value); };
  auto bytes = static_cast<curl_off_t>(body_size(request_.body));
  switch (request_.verb) {
    case Verb::get: break;
    case Verb::head: set(CURLOPT_NOBODY, 1L); break;
    case Verb::del: set(CURLOPT_CUSTOMREQUEST, "DELETE"); break;
    case Verb::put:
      set(CURLOPT_UPLOAD, 1L);
      set(CURLOPT_INFILESIZE_LARGE, bytes);
      break;
    case Verb::post:
      set(CURLOPT_POST, 1L);
      set(CURLOPT_POSTFIELDSIZE_LARGE, bytes);
      break;
  }
  auto add = [this](const std::string& line) {
    auto* longer = curl_slist_append(headers_.get(), line.c_str());
    if (longer == nullptr) return;  // no memory: curl will say so
    static_cast<void>(
        headers_.release());  // NOLINT(bugprone-unused-return-value): longer begins with it
    headers_.reset(longer);
  };
  bool has_type = false;
  for (const auto& [name, value] : request_.headers) {
    has_type = has_type || same_name(name, "Content-Type");
    add(value.empty() ? name + ";"
                      : fmt::format("{}: {}", name, value));  // "name:" would take it away
  }
  if (request_.verb == Verb::put || request_.verb == Verb::post) {
    add("Expect:");  // no second of waiting for leave to send
    if (!has_type) add("Content-Type:");
    set(CURLOPT_READFUNCTION, &CurlTransfer::on_send);
    set(CURLOPT_READDATA, this);
    set(CURLOPT_SEEKFUNCTION, &CurlTransfer::on_rewind);
    set(CURLOPT_SEEKDATA, this);
    set(CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
  }
  if (headers_) set(CURLOPT_HTTPHEADER, headers_.get());
}

// The file's pages were written a moment ago, so that reading them hardly ever waits for the disk.
std::size_t CurlTransfer::on_send(char* into, std::size_t size, std::size_t count, void* self) {
  auto* me = static_cast<CurlTransfer*>(self);
  auto most = std::min<std::uint64_t>(size * count, body_size(me->request_.body) - me->sent_);
  if (const auto* text = std::get_if<std::string>(&me->request_.body)) {
    std::memcpy(into, text->data() + me->sent_, most);
  } else if (const auto* file = std::get_if<FileBody>(&me->request_.body); file && most > 0) {
    ssize_t n = 0;
    do n = ::pread(file->file->get(), into, most, static_cast<off_t>(file->offset + me->sent_));
    while (n < 0 && errno == EINTR);
    if (n <= 0) return CURL_READFUNC_ABORT;
    most = static_cast<std::uint64_t>(n);
  }
  me->sent_ += most;
  me->progress_ = Clock::now();
  return most;
}

// curl begins anew after a redirect, and when a kept connection turns out to be dead.
int CurlTransfer::on_rewind(void* self, curl_off_t offset, int origin) {
  auto* me = static_cast<CurlTransfer*>(self);
  if (origin != SEEK_SET || offset < 0 ||
      static_cast<std::uint64_t>(offset) > body_size(me->request_.body))
    return CURL_SEEKFUNC_FAIL;
  me->sent_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

void CurlTransfer::trust(const CurlEnvironment& environment) {
  auto set = [this](CURLoption option, const char* value) {
    curl_easy_setopt(easy(), option, value);
  };
  if (!settings_->ca_file.empty()) {
    set(CURLOPT_CAINFO, settings_->ca_file.c_str());
    set(CURLOPT_CAPATH, nullptr);
    return;
  }
  if (environment.cert_file) {
    set(CURLOPT_CAINFO, environment.cert_file->c_str());
    set(CURLOPT_PROXY_CAINFO, environment.cert_file->c_str());
  }
  if (environment.cert_dir) {
    set(CURLOPT_CAPATH, environment.cert_dir->c_str());
    set(CURLOPT_PROXY_CAPATH, environment.cert_dir->c_str());
  }
  // The system's file alone is parsed once (CURLOPT_CA_CACHE_TIMEOUT), and holds all that is in its
  // folder; with a folder each connection costs this thread 20 ms.
  if (!environment.cert_file && !environment.cert_dir) set(CURLOPT_CAPATH, nullptr);
}

// Connected, or on a connection that was kept: before each request, after each redirect, nothing of it is sent yet.
int CurlTransfer::on_connected(void* self, char* address, char*, int, int) {
  auto* me = static_cast<CurlTransfer*>(self);
  return me->may_ask(address) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

bool CurlTransfer::may_ask(std::string_view address) {
  const char* url = nullptr;
  curl_easy_getinfo(easy(), CURLINFO_EFFECTIVE_URL, &url);
  auto origin = origin_of(url == nullptr ? "" : url);
  // Behind a proxy the address is that of the proxy.
  bool proxies =
      request_.proxies == Proxies::environment && !settings_->environment.proxies.empty();
  auto where = proxies ? host_class(host_of(origin)) : address_class(address);
  if (origin == home_) homes_->note(home_, where);
  if (host_of(origin) == host_of(home_)) return true;
  if (may_lead(request_.elsewhere, homes_->find(home_), where)) return true;
  refusal_ = "it leads to another host, " + origin;
  if (request_.elsewhere == Elsewhere::outward && !proxies)
    refusal_.append(", at ").append(address).append(", which is not of the internet");
  refusal_ += " (--cache-upstream-redirects)";
  return false;
}

std::size_t CurlTransfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<CurlTransfer*>(self)->header_line({data, size * count}) ? size * count : 0;
}

bool CurlTransfer::header_line(std::string_view line) {
  reached_ = true;
  head_bytes_ += line.size();
  if (head_bytes_ > kMostHeadBytes) {
    refusal_ =
        "the head of its answer is larger than " + std::to_string(kMostHeadBytes >> 10) + " KiB";
    return false;
  }
  if (line.starts_with("HTTP/")) {  // a new head: the last one was a redirect or a 1xx
    head_ = HttpAnswer();
    redirecting_ = false;
    return true;
  }
  line = trimmed(line);
  auto colon = line.find(':');
  if (line.empty()) head_ended();
  if (colon == line.npos) return true;
  auto name = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
  if (same_name(name, "Content-Length")) {
    if (!head_done_ && !length_line(value)) return false;
  } else if (same_name(name, "Content-Range")) {
    head_.content_range = parse_content_range(value);
  } else if (same_name(name, "Retry-After")) {
    head_.retry_after = parse_retry_after(value);
  } else if (same_name(name, "Content-Encoding")) {
    head_.encoded = !same_name(value, "identity");
  } else if (same_name(name, "ETag")) {
    head_.etag = value;
  } else if (same_name(name, "Location")) {
    redirecting_ = true;
  }
  return true;
}

// libcurl would take the last of several, and none for one that is too large.
bool CurlTransfer::length_line(std::string_view value) {
  std::uint64_t bytes = 0;
  auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), bytes);
  bool good = ec == std::errc() && end == value.data() + value.size();
  if (!good || head_.content_length.value_or(bytes) != bytes) {
    refusal_ = "the Content-Length of its answer is no number, or two";
    return false;
  }
  head_.content_length = bytes;
  return true;
}

void CurlTransfer::head_ended() {
  long status = 0;
  curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return;  // and gains no time
  progress_ = Clock::now();
  bool redirect = request_.redirects == Redirects::follow && redirecting_ && status >= 300 &&
                  status < 400 && status != 304;
  if (redirect || head_done_) return;
  head_done_ = true;
  head_.status = static_cast<int>(status);
  if (head_.encoded && undoes_) {
    head_.encoded = false;
    head_.content_length.reset();
  }
  shared.with([&](Shared& s) {
    s.answer = std::move(head_);
    s.head_ready = true;
  });
  changed.notify();
}

std::size_t CurlTransfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto* me = static_cast<CurlTransfer*>(self);
  auto bytes = size * count;
  if (!me->head_done_) return bytes;  // the body of a redirect
  bool full = me->shared.with([&](Shared& s) {
    s.paused = s.buffer.size() + bytes > me->settings_->buffer_bytes + kReceivedAtOnce;
    if (!s.paused) s.buffer.append(data, bytes);
    return s.paused;
  });
  if (full) return CURL_WRITEFUNC_PAUSE;
  me->progress_ = Clock::now();
  me->touch();
  return bytes;
}

void CurlTransfer::touch() {
  if (!is_touched_) touched_->push_back(this);
  is_touched_ = true;
}

void CurlTransfer::tell_reader() {
  is_touched_ = false;
  bool full = shared.with([&](Shared& s) {
    bool more = !s.paused && !s.ended && s.buffer.size() >= settings_->buffer_bytes;
    s.paused = s.paused || more;
    return more;
  });
  if (full) curl_easy_pause(easy(), CURLPAUSE_RECV);
  changed.notify();
}

std::optional<HttpFailure> CurlTransfer::overdue(Clock::time_point now) {
  if (!head_done_) {
    auto most = request_.timeouts.connect + request_.timeouts.head;
    if (now - progress_ <= most) return std::nullopt;
    return HttpFailure{Error(ErrorKind::timeout, "no answer within " + seconds_of(most)),
                       reached_ ? Blame::broken : Blame::unreachable};
  }
  // While bytes wait for our reader, the upstream is not to blame.
  if (shared.with([](const Shared& s) { return !s.buffer.empty(); })) progress_ = now;
  if (now - progress_ <= request_.timeouts.stall) return std::nullopt;
  return HttpFailure{
      Error(ErrorKind::timeout, "stalled: not a byte for " + seconds_of(request_.timeouts.stall)),
      Blame::broken};
}

void CurlTransfer::end(CURLcode code) {
  if (code == CURLE_OK) {
    shared.with([](Shared& s) { s.ended = true; });
    changed.notify();
    return;
  }
  std::string what = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
  what = without_proxies(std::move(what), settings_->environment);
  if (!refusal_.empty()) what = refusal_;
  auto kind = code == CURLE_OPERATION_TIMEDOUT ? ErrorKind::timeout : ErrorKind::upstream;
  end(HttpFailure{Error(kind, std::move(what)), reached_ ? Blame::broken : blame_of(code)});
}

std::optional<HttpFailure> CurlTransfer::unreachable() const {
  return shared.with([](const Shared& s) -> std::optional<HttpFailure> {
    if (s.failure && s.failure->blame == Blame::unreachable) return s.failure;
    return std::nullopt;
  });
}

void CurlTransfer::end(HttpFailure failure) {
  shared.with([&](Shared& s) {
    if (s.ended) return;
    s.ended = true;
    s.failure = std::move(failure);
  });
  changed.notify();
}

}  // namespace ncps::fetch
