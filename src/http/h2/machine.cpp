#include "http/h2/machine.h"

#include <nghttp2/nghttp2.h>

#include <array>
#include <utility>
#include <vector>

#include "http/h2/machine_state.h"

namespace ncps::http::h2 {

namespace {

nghttp2_nv pair_of(Field field) {
  return {.name = reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.name.data())),
          .value = reinterpret_cast<std::uint8_t*>(const_cast<char*>(field.value.data())),
          .namelen = field.name.size(),
          .valuelen = field.value.size(),
          .flags = NGHTTP2_NV_FLAG_NONE};
}

}  // namespace

Machine::Machine(Events& events, const Limits& limits)
    : state_(std::make_unique<MachineState>(events)) {
  state_->limits = limits;
  state_->session = make_session(*state_);
  auto window = static_cast<std::uint32_t>(limits.unread_window);
  std::array<nghttp2_settings_entry, 3> settings{{
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits.head_bytes},
  }};
  nghttp2_submit_settings(state_->session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(state_->session, NGHTTP2_FLAG_NONE, 0,
                                        limits.connection_window);
}

Machine::~Machine() = default;

bool Machine::receive(std::string_view bytes, TimePoint now) {
  state_->now = now;
  const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
  if (nghttp2_session_mem_recv(state_->session, begin, bytes.size()) < 0) return false;
  if (nghttp2_session_get_outbound_queue_size(state_->session) > kMostQueued) return false;
  if (std::exchange(state_->too_many, false)) terminate(Code::enhance_your_calm);
  return true;
}

bool Machine::fill(Output& output, std::size_t enough) {
  state_->output = &output;
  state_->enough = enough;
  ssize_t size = 0;
  while (output.size() < enough) {
    const std::uint8_t* bytes = nullptr;  // what is no DATA frame: those go by send_data()
    size = nghttp2_session_mem_send(state_->session, &bytes);
    if (size <= 0) break;
    output.append({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
  }
  state_->output = nullptr;
  return size >= 0;
}

bool Machine::finished() const noexcept {
  return nghttp2_session_want_read(state_->session) == 0 &&
         nghttp2_session_want_write(state_->session) == 0;
}

void Machine::respond(StreamId id, std::span<const Field> head, Content content) {
  std::vector<nghttp2_nv> pairs;
  pairs.reserve(head.size());
  for (auto field : head) pairs.push_back(pair_of(field));
  auto body = body_provider();
  nghttp2_submit_response(state_->session, id, pairs.data(), pairs.size(),
                          content == Content::pulled ? &body : nullptr);
}

void Machine::say_continue(StreamId id) {
  auto status = pair_of({":status", "100"});
  nghttp2_submit_headers(state_->session, NGHTTP2_FLAG_NONE, id, nullptr, &status, 1, nullptr);
}

void Machine::resume(StreamId id) {
  nghttp2_session_resume_data(state_->session, id);
}

void Machine::reset(StreamId id, Code code) {
  nghttp2_submit_rst_stream(state_->session, NGHTTP2_FLAG_NONE, id,
                            static_cast<std::uint32_t>(code));
}

void Machine::start_reading(StreamId id) {
  nghttp2_session_set_local_window_size(state_->session, NGHTTP2_FLAG_NONE, id,
                                        state_->limits.read_window);
}

void Machine::consumed(StreamId id, std::size_t bytes) {
  nghttp2_session_consume_stream(state_->session, id, bytes);
}

void Machine::consumed_connection(std::size_t bytes) {
  nghttp2_session_consume_connection(state_->session, bytes);
}

bool Machine::is_stalled(StreamId id) const noexcept {
  return nghttp2_session_get_remote_window_size(state_->session) <= 0 ||
         nghttp2_session_get_stream_remote_window_size(state_->session, id) <= 0;
}

void Machine::ping() {
  nghttp2_submit_ping(state_->session, NGHTTP2_FLAG_NONE, nullptr);
}

void Machine::announce_end() {
  nghttp2_submit_shutdown_notice(state_->session);
}

void Machine::end() {
  auto last = nghttp2_session_get_last_proc_stream_id(state_->session);
  nghttp2_submit_goaway(state_->session, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0);
}

void Machine::terminate(Code code) {
  nghttp2_session_terminate_session(state_->session, static_cast<std::uint32_t>(code));
}

}  // namespace ncps::http::h2
