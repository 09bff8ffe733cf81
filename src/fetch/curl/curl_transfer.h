// One transfer of a CurlClient: the state that the curl thread and the reader share. For this
// folder only.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "fetch/curl/curl_environment.h"
#include "fetch/curl/homes.h"
#include "fetch/http_client.h"
#include "rt/signal.h"

namespace ncps::fetch {

struct ListDeleter {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};

struct EasyDeleter {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};

// The same for all transfers of a client.
struct CurlSettings {
  std::string user_agent;
  CurlEnvironment environment;
  std::string ca_file;       // instead of what system and environment trust; empty: those
  std::size_t buffer_bytes;  // of a body, until its transfer is paused
};

// What curl reads at once: a buffer exceeds its limit by as much, because what curl is not rid of it
// copies once more. So little stays in the nearest cache until it is copied (docs/measurements.md).
inline constexpr std::size_t kReceivedAtOnce = 32 << 10;

// Of all heads of an answer together: redirects, 1xx, and trailers.
inline constexpr std::size_t kMostHeadBytes = 256 << 10;

class CurlTransfer {
 public:
  using Clock = std::chrono::steady_clock;

  CurlTransfer(HttpRequest request, std::shared_ptr<const CurlSettings> settings);

  // ---- for the curl thread ----
  CURL* easy() const noexcept { return easy_.get(); }
  const std::string& host() const noexcept { return host_; }  // scheme, host and port

  // Its time begins to run. From now on it puts itself into `touched`, once, when something comes for
  // its reader; the loop empties that, and calls tell_reader() for each.
  void begin(std::vector<CurlTransfer*>& touched, Homes& homes) {
    progress_ = Clock::now();
    touched_ = &touched;
    homes_ = &homes;
  }

  // Wakes the reader for all that has come; the transfer is paused while that is too much.
  void tell_reader();

  // What keeps the transfer from going on, if it has waited too long.
  std::optional<HttpFailure> overdue(Clock::time_point now);

  // The transfer is over: a clean end if `code` is CURLE_OK. The first call counts.
  void end(CURLcode code);
  void end(HttpFailure failure);
  // How it ended, if the server could not be reached.
  std::optional<HttpFailure> unreachable() const;

  // ---- for the reader ----
  struct Shared {
    std::string buffer;
    HttpAnswer answer;  // without body
    bool head_ready = false;
    bool ended = false;
    bool paused = false;
    std::optional<HttpFailure> failure;
  };
  Guarded<Shared> shared;
  Signal changed;

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_send(char* into, std::size_t size, std::size_t count, void* self);
  static int on_rewind(void* self, curl_off_t offset, int origin);
  static int on_connected(void* self, char* address, char* local_address, int port, int local_port);
  bool may_ask(std::string_view address);
  void trust(const CurlEnvironment& environment);
  void shape();  // verb, headers and body
  void touch();
  bool header_line(std::string_view line);  // false: the answer is refused
  bool length_line(std::string_view value);
  void head_ended();

  const std::shared_ptr<const CurlSettings> settings_;
  HttpRequest request_;
  const std::string host_, home_;  // origins
  std::unique_ptr<curl_slist, ListDeleter> headers_;
  std::unique_ptr<CURL, EasyDeleter> easy_;
  char error_text_[CURL_ERROR_SIZE] = {};

  // Only the curl thread looks at these.
  std::vector<CurlTransfer*>* touched_ = nullptr;
  Homes* homes_ = nullptr;
  bool is_touched_ = false;
  std::size_t head_bytes_ = 0;
  std::string refusal_;  // why we have ended it; empty: we have not
  HttpAnswer head_;
  bool redirecting_ = false;
  bool head_done_ = false;
  bool undoes_ = false;     // its Content-Encoding
  std::uint64_t sent_ = 0;  // bytes of the request's body that curl has taken
  bool reached_ = false;    // a head has come, if only that of a redirect
  Clock::time_point progress_ =
      Clock::now();  // when it began, a head ended, or a byte went or came
};

}  // namespace ncps::fetch
