// What libnghttp2 tells the H2Client of tests, and what that keeps of it.
#pragma once

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <utility>

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

enum class H2Windows : bool { automatic, by_hand };  // by_hand: give() opens a stream's window

struct H2ClientState {
  struct Upload {
    std::string bytes;
    std::size_t at = 0;
    std::size_t may = SIZE_MAX;
    bool ends = true;
    bool deferred = false;
  };

  static H2ClientState& self(void* data) { return *static_cast<H2ClientState*>(data); }

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

  void make_session(H2Windows windows) {
    nghttp2_session_callbacks* to = nullptr;
    nghttp2_session_callbacks_new(&to);
    nghttp2_session_callbacks_set_on_header_callback(to, header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, chunk);
    nghttp2_session_callbacks_set_on_frame_recv_callback(to, frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(to, closed);
    nghttp2_option* option = nullptr;
    nghttp2_option_new(&option);
    nghttp2_option_set_no_auto_window_update(option, windows == H2Windows::by_hand);
    nghttp2_option_set_no_http_messaging(option, 1);  // what we send may be wrong on purpose
    nghttp2_session_client_new2(&session_, to, this, option);
    nghttp2_option_del(option);
    nghttp2_session_callbacks_del(to);
  }

  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, H2Answer> answers_;
  std::map<std::int32_t, Upload> uploads_;
  int goaways_ = 0;
  std::uint32_t goaway_code_ = 0;
};

}  // namespace ncps::http::testing
