#include "http/h2/machine_state.h"

#include <cstring>
#include <new>

#include "base/check.h"

namespace ncps::http::h2 {

namespace {

using State = MachineState;

constexpr std::size_t kFrameHead = 9;

std::string_view text_of(nghttp2_rcbuf* buffer) {
  auto bytes = nghttp2_rcbuf_get_buf(buffer);
  return {reinterpret_cast<const char*>(bytes.base), bytes.len};
}

// The callbacks of libnghttp2: they only pass on.
struct Callbacks {
  static State& self(void* data) { return *static_cast<State*>(data); }

  static bool is_request(const nghttp2_frame* frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    if (is_request(frame)) self(data).events.begin(frame->hd.stream_id);
    return 0;
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, nghttp2_rcbuf* name,
                    nghttp2_rcbuf* value, std::uint8_t, void* data) {
    if (is_request(frame))
      self(data).events.field(frame->hd.stream_id, {text_of(name), text_of(value)});
    return 0;
  }

  // By itself libnghttp2 leaves such a header out; then two readers would see two requests.
  static int invalid_header(nghttp2_session*, const nghttp2_frame*, nghttp2_rcbuf*, nghttp2_rcbuf*,
                            std::uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* data) {
    auto& state = self(data);
    bool works = head->type == NGHTTP2_HEADERS ||
                 (head->type == NGHTTP2_DATA && head->length >= FrameBudget::kWorthwhile);
    bool ends = head->type == NGHTTP2_DATA && (head->flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (works) {
      state.budget.works();
    } else if (!ends) {
      auto cost = head->type == NGHTTP2_RST_STREAM ? FrameBudget::kTakenBack : 1;
      if (!state.budget.spend(cost, state.now)) state.too_many = true;
    }
    return 0;
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    auto& state = self(data);
    auto id = frame->hd.stream_id;
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    bool acknowledges = (frame->hd.flags & NGHTTP2_FLAG_ACK) != 0;
    if (is_request(frame)) {
      state.events.head_complete(id, ends ? Events::Body::none : Events::Body::follows);
    } else if (ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS)) {
      state.events.data_end(id);
    } else if (acknowledges && frame->hd.type == NGHTTP2_SETTINGS) {
      state.events.settled();
    } else if (acknowledges && frame->hd.type == NGHTTP2_PING) {
      state.events.pong();
    }
    return 0;
  }

  static int data_chunk(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* bytes,
                        std::size_t size, void* data) {
    self(data).events.data(id, {reinterpret_cast<const char*>(bytes), size});
    return 0;
  }

  static int stream_close(nghttp2_session*, std::int32_t id, std::uint32_t, void* data) {
    self(data).events.closed(id);
    return 0;
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* data) {
    bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (ends && (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS))
      self(data).events.sent_whole(frame->hd.stream_id);
    return 0;
  }

  // The bytes go where they are sent from, behind the frame's head, which send_data() writes next.
  static ssize_t read_data(nghttp2_session*, std::int32_t id, std::uint8_t*, std::size_t length,
                           std::uint32_t* flags, nghttp2_data_source*, void* data) {
    auto& state = self(data);
    auto* room = state.output->room(kFrameHead + length) + kFrameHead;
    auto pulled = state.events.pull(id, {room, length});
    if (pulled.state == Pulled::State::broken) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    if (pulled.state == Pulled::State::later) return NGHTTP2_ERR_DEFERRED;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (pulled.state == Pulled::State::end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(pulled.bytes);
  }

  static int send_data(nghttp2_session*, nghttp2_frame*, const std::uint8_t* head,
                       std::size_t length, nghttp2_data_source*, void* data) {
    auto& state = self(data);
    std::memcpy(state.output->room(kFrameHead), head, kFrameHead);
    state.output->grow(kFrameHead + length);
    if (length >= FrameBudget::kWorthwhile) state.budget.works();
    return state.output->size() >= state.enough ? NGHTTP2_ERR_PAUSE : 0;
  }
};

nghttp2_session_callbacks* make_callbacks() {
  nghttp2_session_callbacks* to = nullptr;
  CHECK(nghttp2_session_callbacks_new(&to) == 0);
  nghttp2_session_callbacks_set_on_begin_headers_callback(to, Callbacks::begin_headers);
  nghttp2_session_callbacks_set_on_header_callback2(to, Callbacks::header);
  nghttp2_session_callbacks_set_on_invalid_header_callback2(to, Callbacks::invalid_header);
  nghttp2_session_callbacks_set_on_begin_frame_callback(to, Callbacks::begin_frame);
  nghttp2_session_callbacks_set_on_frame_recv_callback(to, Callbacks::frame_received);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(to, Callbacks::data_chunk);
  nghttp2_session_callbacks_set_on_stream_close_callback(to, Callbacks::stream_close);
  nghttp2_session_callbacks_set_on_frame_send_callback(to, Callbacks::frame_sent);
  nghttp2_session_callbacks_set_send_data_callback(to, Callbacks::send_data);
  return to;
}

nghttp2_option* make_options() {
  nghttp2_option* to = nullptr;
  CHECK(nghttp2_option_new(&to) == 0);
  nghttp2_option_set_no_auto_window_update(to, 1);  // read bodies pay for what may come
  nghttp2_option_set_no_closed_streams(to, 1);      // kept for priorities only
  return to;
}

}  // namespace

MachineState::~MachineState() {
  nghttp2_session_del(session);
}

nghttp2_session* make_session(MachineState& state) {
  static auto* callbacks = make_callbacks();  // constant, for all sessions of the process
  auto* options = make_options();
  nghttp2_session* session = nullptr;
  auto failed = nghttp2_session_server_new2(&session, callbacks, &state, options);
  nghttp2_option_del(options);
  if (failed != 0) throw std::bad_alloc();
  return session;
}

nghttp2_data_provider body_provider() {
  return {.source = {.ptr = nullptr}, .read_callback = Callbacks::read_data};
}

}  // namespace ncps::http::h2
