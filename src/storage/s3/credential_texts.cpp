#include "storage/s3/credential_texts.h"

#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <pugixml.hpp>
#include <string>

#include "storage/s3/iso_time.h"

namespace ncps::s3 {
namespace {

constexpr std::size_t kMaxAnswer = 1 << 20;
constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  auto begin = text.find_first_not_of(kBlank);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

// "x # comment", "x ; comment": a comment begins after white space only, as keys may hold '#'.
std::string_view without_comment(std::string_view value) {
  for (std::size_t at = 1; at < value.size(); ++at) {
    bool mark = value[at] == '#' || value[at] == ';';
    if (mark && kBlank.find(value[at - 1]) != kBlank.npos) return trimmed(value.substr(0, at));
  }
  return value;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

using Section = std::map<std::string, std::string>;

// "[name]" or, as in ~/.aws/config, "[profile name]".
std::string_view section_name(std::string_view line) {
  auto name = trimmed(line.substr(1, line.find(']') - 1));
  if (name.starts_with("profile ") || name.starts_with("profile\t")) name = trimmed(name.substr(7));
  return name;
}

// All settings of the profile; absent if it is nowhere.
std::optional<Section> find_section(std::string_view text, std::string_view profile) {
  std::optional<Section> found;
  bool inside = false;
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);  // a byte order mark
  while (!text.empty()) {
    auto raw = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), raw.size() + 1));
    auto line = trimmed(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      inside = line.find(']') != line.npos && section_name(line) == profile;
      if (inside && !found) found.emplace();
      continue;
    }
    // An indented line belongs to a nested setting, of which we use none.
    bool nested = kBlank.find(raw.front()) != kBlank.npos;
    auto equals = line.find('=');
    if (!inside || nested || equals == line.npos) continue;
    (*found)[lower(trimmed(line.substr(0, equals)))] =
        without_comment(trimmed(line.substr(equals + 1)));
  }
  return found;
}

std::string value_of(const Section& section, const char* key) {
  auto at = section.find(key);
  return at == section.end() ? "" : at->second;
}

Result<Credentials> checked(Credentials credentials, std::string_view expiration,
                            std::string_view from) {
  credentials.expires = parse_iso_time(expiration);
  if (credentials.access_key.empty() || credentials.secret_key.empty() || !credentials.expires)
    return fail(ErrorKind::unavailable,
                fmt::format("{} has answered without a key or without its end", from));
  return credentials;
}

}  // namespace

Result<std::optional<Credentials>> parse_shared_file(std::string_view text,
                                                     std::string_view profile) {
  auto section = find_section(text, profile);
  if (!section) return std::optional<Credentials>();
  Credentials out;
  out.access_key = value_of(*section, "aws_access_key_id");
  out.secret_key = value_of(*section, "aws_secret_access_key");
  out.session_token = value_of(*section, "aws_session_token");
  if (!out.access_key.empty() && !out.secret_key.empty()) return out;
  if (!out.access_key.empty() || !out.secret_key.empty())
    return fail(ErrorKind::invalid, fmt::format("profile {} has only one of aws_access_key_id and "
                                                "aws_secret_access_key",
                                                profile));
  for (const auto* other : {"role_arn", "credential_process", "sso_session", "sso_start_url",
                            "credential_source", "web_identity_token_file"})
    if (section->contains(other))
      return fail(ErrorKind::invalid,
                  fmt::format("profile {} gets its keys by {}, which is not supported here",
                              profile, other));
  return std::optional<Credentials>();
}

Result<Credentials> parse_web_identity(std::string_view xml) {
  constexpr std::string_view kFrom = "the security token service";
  pugi::xml_document document;
  if (xml.empty() || xml.size() > kMaxAnswer || !document.load_buffer(xml.data(), xml.size()))
    return fail(ErrorKind::unavailable, fmt::format("{} has answered no document", kFrom));
  auto root = document.child("AssumeRoleWithWebIdentityResponse");
  auto node = root.child("AssumeRoleWithWebIdentityResult").child("Credentials");
  Credentials out;
  out.access_key = trimmed(node.child_value("AccessKeyId"));
  out.secret_key = trimmed(node.child_value("SecretAccessKey"));
  out.session_token = trimmed(node.child_value("SessionToken"));
  return checked(std::move(out), trimmed(node.child_value("Expiration")), kFrom);
}

Result<Credentials> parse_metadata(std::string_view json) {
  constexpr std::string_view kFrom = "the metadata service";
  auto bad = [&] {
    return fail(ErrorKind::unavailable, fmt::format("{} has answered no document", kFrom));
  };
  if (json.size() > kMaxAnswer) return bad();
  auto document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object()) return bad();
  auto text = [&](const char* key) {
    auto at = document.find(key);
    return at != document.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  if (auto code = text("Code"); !code.empty() && code != "Success")
    return fail(ErrorKind::unavailable, fmt::format("{} has refused to give credentials", kFrom));
  Credentials out;
  out.access_key = text("AccessKeyId");
  out.secret_key = text("SecretAccessKey");
  out.session_token = text("Token");
  return checked(std::move(out), text("Expiration"), kFrom);
}

}  // namespace ncps::s3
