#include "fetch/curl/curl_client.h"

#include <pthread.h>

#include <atomic>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "fetch/curl/curl_transfer.h"
#include "fetch/waiting_line.h"

namespace ncps::fetch {
namespace {

namespace asio = boost::asio;
using TransferPtr = std::shared_ptr<CurlTransfer>;

constexpr int kTickMilliseconds = 250;  // how late a stall is noticed

struct MultiDeleter {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

HttpFailure stopped() {
  return {Error(ErrorKind::upstream, "the server is shutting down"), Blame::nobody};
}

bool same_file(const std::optional<std::string>& ours, const char* theirs) {
  std::error_code ec;  // what is not there is not the same
  return ours && theirs != nullptr && std::filesystem::equivalent(*ours, theirs, ec) && !ec;
}

// The environment, without what it only repeats: many systems name their own certificates there.
CurlEnvironment environment_of_process() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  auto out = read_curl_environment();
  std::unique_ptr<CURL, EasyDeleter> easy(curl_easy_init());
  const char *file = nullptr, *directory = nullptr;
  curl_easy_getinfo(easy.get(), CURLINFO_CAINFO, &file);
  curl_easy_getinfo(easy.get(), CURLINFO_CAPATH, &directory);
  if (same_file(out.cert_file, file)) out.cert_file.reset();
  if (same_file(out.cert_dir, directory)) out.cert_dir.reset();
  return out;
}

// The thread that runs curl. Whatever concerns a transfer is posted to it.
class CurlLoop {
 public:
  explicit CurlLoop(LineLimits limits) : multi_(curl_multi_init()), line_(limits) {
    curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_MULTIPLEX));
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS, static_cast<long>(limits.in_total));
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "curl");
      run();
    });
  }

  ~CurlLoop() { end(); }

  // Ends all transfers and the thread; what is posted later is dropped. Idempotent; not from the
  // thread.
  void end() {
    if (!thread_.joinable()) return;
    post([this] { ending_ = true; });
    thread_.join();
  }

  void post(std::function<void()> command) {
    commands_.with([&](auto& queue) { queue.push_back(std::move(command)); });
    curl_multi_wakeup(multi_.get());
  }

  HttpClient::Load load() const noexcept { return {running_.load(), waiting_.load()}; }

  // These three run on the thread, by post().
  void add(const TransferPtr& transfer) {
    if (stopped_) return transfer->end(stopped());
    switch (line_.enter(transfer->host(), transfer)) {
      case Line::Place::runs: return begin(transfer);
      case Line::Place::waits: return;
      case Line::Place::none_left: break;
    }
    auto error = Error(ErrorKind::upstream, "too many requests wait for servers already");
    transfer->end(HttpFailure{std::move(error), Blame::nobody});
  }

  void remove(const TransferPtr& transfer) {
    if (active_.erase(transfer) > 0) {
      std::erase(touched_, transfer.get());
      curl_multi_remove_handle(multi_.get(), transfer->easy());
    }
    for (const auto& next : line_.leave(transfer->host(), transfer)) begin(next);
  }

  void stop() {
    stopped_ = true;
    for (const auto& host : line_.hosts()) send_away(host, stopped());
    while (!active_.empty()) {
      auto transfer = *active_.begin();
      transfer->end(stopped());
      remove(transfer);
    }
  }

 private:
  using Line = WaitingLine<TransferPtr>;

  void begin(const TransferPtr& transfer) {
    transfer->begin(touched_, homes_);
    active_.insert(transfer);
    auto code = curl_multi_add_handle(multi_.get(), transfer->easy());
    if (code == CURLM_OK) return;
    auto error = Error(ErrorKind::internal, curl_multi_strerror(code));
    transfer->end(HttpFailure{std::move(error), Blame::nobody});
    remove(transfer);
  }

  // It has ended. Who waits for a server that cannot be reached need not find that out once more.
  void let_go(const TransferPtr& transfer) {
    if (auto failure = transfer->unreachable()) send_away(transfer->host(), *failure);
    remove(transfer);
  }

  void send_away(const std::string& host, const HttpFailure& failure) {
    for (const auto& transfer : line_.send_away(host)) transfer->end(failure);
  }

  void run() {
    for (;;) {
      auto commands = commands_.with([](auto& queue) { return std::exchange(queue, {}); });
      for (auto& command : commands) command();
      if (ending_) break;
      int running = 0;
      curl_multi_perform(multi_.get(), &running);
      for (auto* transfer : touched_) transfer->tell_reader();
      touched_.clear();
      collect_ended();
      end_overdue();
      running_ = active_.size();
      waiting_ = line_.waiting();
      curl_multi_poll(multi_.get(), nullptr, 0, active_.empty() ? 60'000 : kTickMilliseconds,
                      nullptr);
    }
    stop();
  }

  void collect_ended() {
    int left = 0;
    while (auto* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CurlTransfer* which = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &which);
      auto code = message->data.result;
      auto transfer = *std::ranges::find(active_, which, [](const auto& t) { return t.get(); });
      transfer->end(code);
      let_go(transfer);
    }
  }

  void end_overdue() {
    auto now = CurlTransfer::Clock::now();
    if (now < next_check_) return;
    next_check_ = now + std::chrono::milliseconds(kTickMilliseconds);
    for (auto it = active_.begin(); it != active_.end();) {
      auto transfer = *it++;
      if (auto failure = transfer->overdue(now)) {
        transfer->end(std::move(*failure));
        let_go(transfer);
      }
    }
  }

  std::unique_ptr<CURLM, MultiDeleter> multi_;
  Guarded<std::deque<std::function<void()>>> commands_;
  std::atomic<std::size_t> running_ = 0, waiting_ = 0;  // written by the thread alone
  std::thread thread_;

  // Only the thread looks at these.
  std::set<TransferPtr> active_;
  std::vector<CurlTransfer*> touched_;  // some of these, whose readers are still to be told
  Line line_;
  Homes homes_;
  CurlTransfer::Clock::time_point next_check_{};
  bool stopped_ = false;
  bool ending_ = false;
};

class CurlBody final : public ByteSource {
 public:
  CurlBody(TransferPtr transfer, std::shared_ptr<CurlLoop> loop, std::chrono::milliseconds stall)
      : transfer_(std::move(transfer)), loop_(std::move(loop)), stall_(stall) {}

  ~CurlBody() override {
    auto* loop = loop_.get();
    loop->post([loop, transfer = transfer_] { loop->remove(transfer); });
  }

  Task<Piece> next() override {
    for (;;) {
      auto seen = transfer_->changed.version();
      current_.clear();
      auto state = transfer_->shared.with([&](CurlTransfer::Shared& s) {
        std::swap(current_, s.buffer);
        return State{
            .ended = s.ended, .resume = std::exchange(s.paused, false), .failure = s.failure};
      });
      if (state.resume) resume();
      if (!current_.empty()) co_return Piece(std::string_view(current_));
      if (state.failure) co_return std::unexpected(std::move(state.failure->error));
      if (state.ended) co_return Piece(std::string_view());
      // The curl thread ends a stalled transfer; twice that time means that it is gone.
      bool changed = co_await transfer_->changed.wait_past(seen, Deadline::after(2 * stall_));
      if (!changed) co_return fail(ErrorKind::timeout, "stalled");
    }
  }

 private:
  struct State {
    bool ended, resume;
    std::optional<HttpFailure> failure;
  };

  void resume() {
    loop_->post([transfer = transfer_] { curl_easy_pause(transfer->easy(), CURLPAUSE_CONT); });
  }

  TransferPtr transfer_;
  std::shared_ptr<CurlLoop> loop_;
  std::chrono::milliseconds stall_;
  std::string current_;
};

class CurlClient final : public HttpClient {
 public:
  explicit CurlClient(CurlOptions options)
      : settings_(std::make_shared<const CurlSettings>(
            CurlSettings{std::move(options.user_agent), environment_of_process(),
                         std::move(options.ca_file), options.buffer_bytes})) {
    loop_ = std::make_shared<CurlLoop>(options.limits);
  }

  // A body that is still there keeps the loop, but not its thread: it ends with an Error.
  ~CurlClient() override { loop_->end(); }

  asio::awaitable<HttpResult> fetch(HttpRequest request, Deadline deadline) override {
    auto stall = request.timeouts.stall;
    auto transfer = std::make_shared<CurlTransfer>(std::move(request), settings_);
    auto* loop = loop_.get();
    loop->post([loop, transfer] { loop->add(transfer); });
    auto body =
        std::make_unique<CurlBody>(transfer, loop_, stall);  // if we leave early, it cancels
    for (;;) {
      auto seen = transfer->changed.version();
      std::optional<HttpFailure> failure;
      std::optional<HttpAnswer> answer;
      transfer->shared.with([&](CurlTransfer::Shared& s) {
        if (s.head_ready) {
          answer.emplace(std::move(s.answer));
        } else if (s.ended) {
          failure = s.failure.value_or(
              HttpFailure{Error(ErrorKind::upstream, "the answer had no head"), Blame::broken});
        }
      });
      if (answer) {
        answer->body = std::move(body);
        co_return std::move(*answer);
      }
      if (failure) co_return std::unexpected(std::move(*failure));
      bool changed = co_await transfer->changed.wait_past(seen, deadline);
      if (!changed) {
        auto error = Error(ErrorKind::timeout, "no answer before the deadline");
        co_return std::unexpected(HttpFailure{std::move(error), Blame::nobody});
      }
    }
  }

  Load load() const noexcept override { return loop_->load(); }

  void stop() override {
    auto* loop = loop_.get();
    loop->post([loop] { loop->stop(); });
  }

 private:
  const std::shared_ptr<const CurlSettings> settings_;
  std::shared_ptr<CurlLoop> loop_;
};

}  // namespace

std::unique_ptr<HttpClient> make_curl_client(CurlOptions options) {
  return std::make_unique<CurlClient>(std::move(options));
}

}  // namespace ncps::fetch
