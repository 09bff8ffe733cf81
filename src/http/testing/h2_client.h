// A blocking HTTP/2 client for tests, of libnghttp2: many requests over one connection, and how each
// of them ended. Waits are bounded; nothing here sleeps.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <charconv>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/unique_fd.h"

namespace ncps::http::testing {

struct H2Answer {
  unsigned status = 0;
  std::multimap<std::string, std::string> headers;
  std::string body;
  int interim = 0;         // answers of status 1xx before it
  bool ended = false;      // END_STREAM has come
  bool closed = false;     // in both directions
  std::uint32_t code = 0;  // NO_ERROR, or what the RST_STREAM said

  bool whole() const { return ended; }
  std::string header(const std::string& name) const {
    auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

class H2Client {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;
  enum class Windows : bool { automatic, by_hand };  // by_hand: give() opens a stream's window

  explicit H2Client(std::uint16_t port, Windows windows = Windows::automatic,
                    std::uint32_t stream_window = 1 << 20) {
    fd_ = UniqueFd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    timeval patience{.tv_sec = 30, .tv_usec = 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int yes = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    make_session(windows);
    nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, stream_window};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &entry, 1);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 30);
  }
  ~H2Client() { nghttp2_session_del(session_); }
  H2Client(const H2Client&) = delete;
  H2Client& operator=(const H2Client&) = delete;

  // The stream of a request that is sent with the next flush() or until().
  std::int32_t ask(std::string method, std::string path, const Fields& more = {}) {
    return submit(fields_of(std::move(method), std::move(path), more), nullptr);
  }
  std::int32_t get(std::string path, const Fields& more = {}) {
    return ask("GET", std::move(path), more);
  }

  // With a body that is sent as far as `give` of body() says; all of it by default.
  std::int32_t put(std::string path, std::string body, const Fields& more = {}) {
    nghttp2_data_provider provider{.source = {.ptr = this}, .read_callback = read_body};
    uploads_next_ = {std::move(body), 0, SIZE_MAX, true, false};
    auto id = submit(fields_of("PUT", std::move(path), more), &provider);
    uploads_[id] = std::move(uploads_next_);
    return id;
  }

  // Lets no more than this of the body go, and keeps it open.
  void hold(std::int32_t id, std::size_t bytes) { uploads_[id].may = bytes; }
  void let_go(std::int32_t id, std::size_t bytes) {
    uploads_[id].may = bytes;
    if (std::exchange(uploads_[id].deferred, false)) nghttp2_session_resume_data(session_, id);
  }
  std::size_t sent_of(std::int32_t id) { return uploads_[id].at; }

  std::int32_t submit(const Fields& fields, const nghttp2_data_provider* provider) {
    std::vector<nghttp2_nv> pairs;
    for (const auto& [name, value] : fields)
      pairs.push_back({reinterpret_cast<std::uint8_t*>(const_cast<char*>(name.data())),
                       reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data())),
                       name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    return nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(), provider, nullptr);
  }

  void reset(std::int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  void give(std::int32_t id, std::int32_t bytes) {
    nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, id, bytes);
  }

  H2Answer& answer(std::int32_t id) { return answers_[id]; }

  bool flush() {
    const std::uint8_t* bytes = nullptr;
    for (ssize_t size = 0; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
      for (ssize_t at = 0; at < size;) {
        auto taken =
            ::send(fd_.get(), bytes + at, static_cast<std::size_t>(size - at), MSG_NOSIGNAL);
        if (taken <= 0) return open_ = false;
        at += taken;
      }
    return true;
  }

  // Sends and receives until it is so. False: the connection has ended before.
  bool until(const std::function<bool()>& so) {
    while (!so()) {
      if (!flush()) return so();
      if (so()) return true;
      std::uint8_t bytes[65536];
      auto size = ::recv(fd_.get(), bytes, sizeof bytes, 0);
      if (size <= 0) {
        open_ = false;
        ended_cleanly_ = size == 0;
        return so();
      }
      if (nghttp2_session_mem_recv(session_, bytes, static_cast<std::size_t>(size)) < 0)
        return false;
    }
    return true;
  }

  // The answer once the stream is closed, or nothing more comes.
  H2Answer& read(std::int32_t id) {
    until([&] { return answers_[id].closed; });
    return answers_[id];
  }

  bool until_end() {  // of the connection; true: by FIN
    until([] { return false; });
    return ended_cleanly_;
  }

  bool open() const { return open_; }
  int goaways() const { return goaways_; }
  std::uint32_t goaway_code() const { return goaway_code_; }
  std::uint32_t most_streams() const {
    return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  }

 private:
  struct Upload {
    std::string bytes;
    std::size_t at = 0;
    std::size_t may = SIZE_MAX;
    bool ends = true;
    bool deferred = false;
  };

  static Fields fields_of(std::string method, std::string path, const Fields& more) {
    Fields all{{":method", std::move(method)},
               {":scheme", "http"},
               {":authority", "test"},
               {":path", std::move(path)}};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  static H2Client& self(void* data) { return *static_cast<H2Client*>(data); }

  static ssize_t read_body(nghttp2_session*, std::int32_t id, std::uint8_t* to, std::size_t length,
                           std::uint32_t* flags, nghttp2_data_source*, void* data) {
    auto& upload = self(data).uploads_[id];
    auto end = std::min(upload.may, upload.bytes.size());
    auto size = std::min(length, end - std::min(end, upload.at));
    std::memcpy(to, upload.bytes.data() + upload.at, size);
    upload.at += size;
    if (upload.at == upload.bytes.size() && upload.may >= upload.at && upload.may != upload.at) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
    } else if (size == 0) {
      upload.deferred = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    return static_cast<ssize_t>(size);
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                    std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                    std::uint8_t, void* data) {
    auto& answer = self(data).answers_[frame->hd.stream_id];
    std::string key(reinterpret_cast<const char*>(name), name_size);
    std::string text(reinterpret_cast<const char*>(value), value_size);
    if (key == ":status") {
      std::from_chars(text.data(), text.data() + text.size(), answer.status);
      if (answer.status < 200) ++answer.interim;
    } else {
      answer.headers.emplace(key, text);
    }
    return 0;
  }

  static int chunk(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                   std::size_t size, void* data) {
    self(data).answers_[id].body.append(reinterpret_cast<const char*>(bytes), size);
    return 0;
  }

  static int frame(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    auto& client = self(data);
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      ++client.goaways_;
      client.goaway_code_ = frame->goaway.error_code;
    }
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0)
      client.answers_[frame->hd.stream_id].ended = true;
    return 0;
  }

  static int closed(nghttp2_session*, std::int32_t id, std::uint32_t code, void* data) {
    auto& answer = self(data).answers_[id];
    answer.closed = true;
    answer.code = code;
    return 0;
  }

  void make_session(Windows windows) {
    nghttp2_session_callbacks* to = nullptr;
    nghttp2_session_callbacks_new(&to);
    nghttp2_session_callbacks_set_on_header_callback(to, header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(to, closed);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, windows == Windows::by_hand);
    nghttp2_option_set_no_http_messaging(option, 1);  // what we send may be wrong on purpose
    nghttp2_session_client_new2(&session_, to, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(to);
  }

  UniqueFd fd_;
  bool open_ = false;
  bool ended_cleanly_ = false;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, H2Answer> answers_;
  std::map<std::int32_t, Upload> uploads_;
  Upload uploads_next_;
  int goaways_ = 0;
  std::uint32_t goaway_code_ = 0;
};

}  // namespace ncps::http::testing
