#include "storage/s3/sigv4.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/check.h"
#include "crypto/encoding.h"
#include "crypto/hmac.h"
#include "crypto/sha256.h"

namespace ncps::s3 {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr std::string_view kService = "s3";

bool unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string encode(std::string_view text, std::string_view kept) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (unreserved(c) || kept.find(c) != kept.npos) {
      out += c;
    } else {
      out.append({'%', kDigits[byte >> 4], kDigits[byte & 15]});
    }
  }
  return out;
}

std::string day(std::chrono::sys_seconds now) {
  std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(now));
  return fmt::format("{:04}{:02}{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string moment(std::chrono::sys_seconds now) {
  std::chrono::hh_mm_ss time(now - std::chrono::floor<std::chrono::days>(now));
  return fmt::format("{}T{:02}{:02}{:02}Z", day(now), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

std::string scope(std::string_view region, std::chrono::sys_seconds now) {
  return fmt::format("{}/{}/{}/aws4_request", day(now), region, kService);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Without white space at the ends, and with one space for several within.
std::string trimmed(std::string_view value) {
  std::string out;
  for (std::size_t at = 0; at < value.size();) {
    auto begin = value.find_first_not_of(" \t", at);
    if (begin == value.npos) break;
    at = std::min(value.find_first_of(" \t", begin), value.size());
    if (!out.empty()) out += ' ';
    out.append(value.substr(begin, at - begin));
  }
  return out;
}

// Host and all headers: lower case, sorted, values of one name joined in their order.
std::map<std::string, std::string> canonical_headers(const UnsignedRequest& request) {
  std::map<std::string, std::string> out{{"host", trimmed(request.host)}};
  for (const auto& [name, value] : request.headers) {
    auto [at, first] = out.try_emplace(lower(name), trimmed(value));
    if (!first) at->second.append(",").append(trimmed(value));
  }
  return out;
}

std::string signed_names(const UnsignedRequest& request) {
  std::string out;
  for (const auto& [name, value] : canonical_headers(request))
    out.append(out.empty() ? "" : ";").append(name);
  return out;
}

std::string_view bytes(const crypto::Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string signature(const UnsignedRequest& request, std::string_view payload,
                      const Credentials& credentials, std::string_view region,
                      std::chrono::sys_seconds now) {
  auto key = crypto::hmac_sha256("AWS4" + credentials.secret_key, day(now));
  for (auto part : {region, kService, std::string_view("aws4_request")})
    key = crypto::hmac_sha256(bytes(key), part);
  auto text = string_to_sign(canonical_request(request, payload), region, now);
  return crypto::to_hex(crypto::hmac_sha256(bytes(key), text));
}

}  // namespace

std::string payload_hash(std::string_view body) {
  return crypto::to_hex(crypto::sha256(body));
}

std::string encode_path(std::string_view path) {
  return encode(path, "/");
}

std::string encode_query(Fields query) {
  for (auto& [name, value] : query) {
    name = encode(name, "");
    value = encode(value, "");
  }
  std::ranges::sort(query);  // by bytes, after encoding
  std::string out;
  for (const auto& [name, value] : query)
    out += fmt::format("{}{}={}", out.empty() ? "" : "&", name, value);
  return out;
}

std::string canonical_request(const UnsignedRequest& request, std::string_view payload) {
  auto out = fmt::format("{}\n{}\n{}\n", request.method, encode_path(request.path),
                         encode_query(request.query));
  for (const auto& [name, value] : canonical_headers(request))
    out += fmt::format("{}:{}\n", name, value);
  return out + fmt::format("\n{}\n{}", signed_names(request), payload);
}

std::string string_to_sign(std::string_view canonical_request, std::string_view region,
                           std::chrono::sys_seconds now) {
  return fmt::format("{}\n{}\n{}\n{}", kAlgorithm, moment(now), scope(region, now),
                     payload_hash(canonical_request));
}

Fields signed_headers(const UnsignedRequest& request, const Credentials& credentials,
                      std::string_view region, std::chrono::sys_seconds now,
                      std::string_view payload) {
  Fields added{{"x-amz-date", moment(now)}, {"x-amz-content-sha256", std::string(payload)}};
  if (!credentials.session_token.empty())
    added.emplace_back("x-amz-security-token", credentials.session_token);
  auto whole = request;
  for (const auto& [name, value] : request.headers) {
    auto same = [&](const auto& field) { return field.first == lower(name); };
    CHECK(std::ranges::none_of(added, same) && lower(name) != "host");
  }
  whole.headers.insert(whole.headers.end(), added.begin(), added.end());
  auto proof = signature(whole, payload, credentials, region, now);
  added.emplace_back(
      "authorization",
      fmt::format("{} Credential={}/{}, SignedHeaders={}, Signature={}", kAlgorithm,
                  credentials.access_key, scope(region, now), signed_names(whole), proof));
  return added;
}

Result<std::string> presigned_query(const UnsignedRequest& request, const Credentials& credentials,
                                    std::string_view region, std::chrono::sys_seconds now,
                                    std::chrono::seconds valid_for) {
  if (valid_for < std::chrono::seconds(1) || valid_for > std::chrono::days(7))
    return fail(ErrorKind::invalid, "a presigned URL is valid for 1 second to 7 days");
  auto whole = request;
  auto add = [&](const char* name, std::string value) {
    whole.query.emplace_back(name, std::move(value));
  };
  add("X-Amz-Algorithm", std::string(kAlgorithm));
  add("X-Amz-Credential", credentials.access_key + "/" + scope(region, now));
  add("X-Amz-Date", moment(now));
  add("X-Amz-Expires", std::to_string(valid_for.count()));
  add("X-Amz-SignedHeaders", signed_names(request));
  if (!credentials.session_token.empty()) add("X-Amz-Security-Token", credentials.session_token);
  auto proof = signature(whole, kUnsignedPayload, credentials, region, now);
  return encode_query(whole.query) + "&X-Amz-Signature=" + proof;
}

}  // namespace ncps::s3
