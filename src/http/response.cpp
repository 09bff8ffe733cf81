#include "http/response.h"

#include <utility>

#include "http/response_head.h"

namespace ncps::http {

std::shared_ptr<const Prepared> prepare(unsigned status, const std::vector<Header>& headers,
                                        std::string body) {
  auto prepared = std::make_shared<Prepared>();
  prepared->status = status;
  append_status_line(prepared->head, status);
  append_headers(prepared->head, headers);
  if (may_have_body(status)) append_content_length(prepared->head, body.size());
  // A 204 or 304 with bytes would be read as the beginning of the next response.
  if (may_have_body(status)) prepared->body = std::move(body);
  prepared->head.shrink_to_fit();
  prepared->body.shrink_to_fit();
  return prepared;
}

std::shared_ptr<const Prepared> prepare_file(const std::vector<Header>& headers,
                                             std::uint64_t length) {
  auto prepared = std::make_shared<Prepared>();
  prepared->status = 200;
  append_status_line(prepared->head, 200);
  append_headers(prepared->head, headers);
  append_content_length(prepared->head, length);
  prepared->head.shrink_to_fit();
  return prepared;
}

const Prepared* prepared_of(const Response& response) noexcept {
  if (const auto* text = std::get_if<std::shared_ptr<const Prepared>>(&response.body))
    return text->get();
  const auto* file = std::get_if<PreparedFile>(&response.body);
  return file != nullptr ? file->head.get() : nullptr;
}

unsigned status_of(const Response& response) noexcept {
  const auto* prepared = prepared_of(response);
  return prepared != nullptr ? prepared->status : response.status;
}

// Its headers are those of `whole`, which stand between the status line and the length.
std::shared_ptr<const Prepared> not_modified(const Prepared& whole) {
  auto lines = std::string_view(whole.head).substr(0, whole.head.rfind("Content-Length: "));
  lines.remove_prefix(lines.find("\r\n") + 2);
  auto prepared = std::make_shared<Prepared>();
  prepared->status = 304;
  prepared->head.reserve(lines.size() + 32);  // and the status line
  append_status_line(prepared->head, 304);
  prepared->head.append(lines);
  return prepared;
}

Response text_response(unsigned status, std::string_view what) {
  Response response;
  response.status = status;
  response.headers.push_back({"Content-Type", "text/plain; charset=utf-8"});
  if (status >= 400) response.headers.push_back({"Cache-Control", "no-store"});
  response.body = std::string(what) + '\n';
  return response;
}

std::string_view reason_phrase(unsigned status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Status";
  }
}

}  // namespace ncps::http
