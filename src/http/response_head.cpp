#include "http/response_head.h"

#include <time.h>

#include <array>
#include <cstring>

namespace ncps::http {
namespace {

void put_two_digits(char* out, int number) {
  out[0] = static_cast<char>('0' + number / 10 % 10);
  out[1] = static_cast<char>('0' + number % 10);
}

}  // namespace

bool may_have_body(unsigned status) noexcept {
  return status >= 200 && status != 204 && status != 304;
}

void append_status_line(std::string& out, unsigned status) {
  out.append("HTTP/1.1 ").append(std::to_string(status)).append(" ");
  out.append(reason_phrase(status)).append("\r\n");
}

void append_headers(std::string& out, const std::vector<Header>& headers) {
  for (const auto& header : headers)
    out.append(header.name).append(": ").append(header.value).append("\r\n");
}

void append_content_length(std::string& out, std::uint64_t length) {
  out.append("Content-Length: ").append(std::to_string(length)).append("\r\n");
}

std::string_view connection_line(ConnectionHeader connection) noexcept {
  switch (connection) {
    case ConnectionHeader::none: return "";
    case ConnectionHeader::close: return "Connection: close\r\n";
    case ConnectionHeader::keep_alive: return "Connection: keep-alive\r\n";
  }
  return "";
}

std::string render_head(const Response& response, Framing framing, std::uint64_t length,
                        std::string_view date_line, ConnectionHeader connection) {
  std::string head;
  head.reserve(512);
  append_status_line(head, response.status);
  append_headers(head, response.headers);
  if (framing == Framing::length) append_content_length(head, length);
  if (framing == Framing::chunked) head.append("Transfer-Encoding: chunked\r\n");
  head.append(date_line).append(connection_line(connection)).append("\r\n");
  return head;
}

std::string_view DateLine::text() {
  // The coarse clock costs a few nanoseconds and is exact enough for whole seconds.
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != second_) {
    render_date_line(now.tv_sec, text_);
    second_ = now.tv_sec;
  }
  return {text_, kSize};
}

// By hand, because strftime's names follow the locale and RFC 9110's do not.
void render_date_line(std::int64_t second, char (&out)[DateLine::kSize]) {
  static constexpr char kDays[] = "SunMonTueWedThuFriSat";
  static constexpr char kMonths[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  std::memcpy(out, "Date: ___, __ ___ ____ __:__:__ GMT\r\n", DateLine::kSize);
  tm parts{};
  auto time = static_cast<time_t>(second);
  ::gmtime_r(&time, &parts);
  std::memcpy(out + 6, kDays + 3l * parts.tm_wday, 3);
  put_two_digits(out + 11, parts.tm_mday);
  std::memcpy(out + 14, kMonths + 3l * parts.tm_mon, 3);
  put_two_digits(out + 18, (parts.tm_year + 1900) / 100);
  put_two_digits(out + 20, (parts.tm_year + 1900) % 100);
  put_two_digits(out + 23, parts.tm_hour);
  put_two_digits(out + 26, parts.tm_min);
  put_two_digits(out + 29, parts.tm_sec);
}

}  // namespace ncps::http
