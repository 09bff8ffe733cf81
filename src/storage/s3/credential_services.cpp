#include "storage/s3/credential_services.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/s3/credential_texts.h"
#include "storage/s3/s3_xml.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 2s;  // with a service of the same machine or rack
constexpr std::string_view kSpace = " \t\r\n";

std::string trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(kSpace);
  if (begin == text.npos) return "";
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

// The file's text without white space at its ends.
Task<std::string> read_token(std::string path, Outside& outside) {
  CO_TRY(auto text, co_await outside.read(path));
  auto token = trimmed(text.value_or(""));
  if (token.empty())
    co_return fail(ErrorKind::invalid, fmt::format("there is no token in {}", path));
  if (token.find_first_of("\r\n") != token.npos)
    co_return fail(ErrorKind::invalid, fmt::format("{} holds more than a token", path));
  co_return token;
}

// The body of a 200. Other answers may quote what we have sent: of them only the status is said.
Task<std::string> body_of(HttpAsk ask, std::string_view whose, Outside& outside,
                          Deadline deadline) {
  CO_TRY(auto reply, co_await outside.ask(std::move(ask), deadline));
  if (reply.status != 200)
    co_return fail(ErrorKind::unavailable, fmt::format("{} has answered {}", whose, reply.status));
  co_return std::move(reply.body);
}

}  // namespace

Task<Credentials> ask_web_identity(WebIdentity from, Outside& outside, Deadline deadline) {
  CO_TRY(auto token, co_await read_token(from.token_file, outside));
  HttpAsk ask{"POST",
              from.endpoint + "/",
              {{"content-type", "application/x-www-form-urlencoded"}, {"accept", "text/xml"}},
              encode_query({{"Action", "AssumeRoleWithWebIdentity"},
                            {"Version", "2011-06-15"},
                            {"RoleArn", from.role},
                            {"RoleSessionName", from.session_name},
                            {"WebIdentityToken", token}})};
  CO_TRY(auto reply, co_await outside.ask(std::move(ask), deadline));
  if (reply.status != 200) {
    auto code = parse_error(reply.body).code;  // its message may quote the token
    co_return fail(ErrorKind::unavailable,
                   fmt::format("the security token service at {} has answered {} {} for role {}",
                               from.endpoint, reply.status, code, from.role));
  }
  CO_TRY(auto found, parse_web_identity(reply.body));
  found.from = "role " + from.role;
  co_return found;
}

bool is_trusted_container_url(std::string_view url) {
  if (url.starts_with("https://")) return true;
  constexpr std::string_view kHttp = "http://";
  if (!url.starts_with(kHttp)) return false;
  url.remove_prefix(kHttp.size());
  auto authority = url.substr(0, url.find_first_of("/?#\\"));
  if (authority.find('@') != authority.npos) return false;
  auto host = authority.starts_with('[') ? authority.substr(0, authority.find(']') + 1)
                                         : authority.substr(0, authority.find(':'));
  auto port = authority.substr(host.size());
  auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (!port.empty() && (port.front() != ':' || !std::ranges::all_of(port.substr(1), is_digit)))
    return false;
  constexpr std::string_view kTrusted[] = {"localhost",     "127.0.0.1",      "[::1]",
                                           "169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
  return std::ranges::find(kTrusted, host) != std::end(kTrusted);
}

Task<Credentials> ask_container(ContainerService from, Outside& outside, Deadline deadline) {
  if (!is_trusted_container_url(from.url))
    co_return fail(ErrorKind::invalid,
                   "the URL for container credentials is neither https nor on this machine");
  if (!from.token_file.empty()) {
    CO_TRY(from.token, co_await read_token(from.token_file, outside));
  }
  HttpAsk ask{"GET", from.url, {{"accept", "application/json"}}, ""};
  if (!from.token.empty()) ask.headers.emplace_back("authorization", from.token);
  CO_TRY(auto body, co_await body_of(std::move(ask), "the container's credential service", outside,
                                     deadline.at_most(kPatience)));
  CO_TRY(auto found, parse_metadata(body));
  found.from = "the container's role";
  co_return found;
}

Task<Credentials> ask_instance(std::string endpoint, Outside& outside, Deadline deadline) {
  constexpr std::string_view kWhose = "the instance's metadata service";
  HttpAsk for_token{
      "PUT", endpoint + "/latest/api/token", {{"x-aws-ec2-metadata-token-ttl-seconds", "300"}}, ""};
  CO_TRY(auto session,
         co_await body_of(std::move(for_token), kWhose, outside, deadline.at_most(kPatience)));
  auto token = trimmed(session);
  auto list = endpoint + "/latest/meta-data/iam/security-credentials/";
  HttpAsk for_role{"GET", list, {{"x-aws-ec2-metadata-token", token}}, ""};
  CO_TRY(auto roles,
         co_await body_of(std::move(for_role), kWhose, outside, deadline.at_most(kPatience)));
  auto role = trimmed(roles.substr(0, roles.find('\n')));
  if (role.empty()) co_return fail(ErrorKind::unavailable, "the instance has no role");
  HttpAsk for_keys{"GET", list + encode_path(role), {{"x-aws-ec2-metadata-token", token}}, ""};
  CO_TRY(auto body,
         co_await body_of(std::move(for_keys), kWhose, outside, deadline.at_most(kPatience)));
  CO_TRY(auto found, parse_metadata(body));
  found.from = "the instance's role " + role;
  co_return found;
}

}  // namespace ncps::s3
