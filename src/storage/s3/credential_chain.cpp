#include "storage/s3/credential_chain.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "storage/s3/credential_texts.h"

namespace ncps::s3 {
namespace {

class Variables {
 public:
  explicit Variables(const std::map<std::string, std::string>& all) : all_(all) {}

  std::string operator()(const std::string& name) const {
    auto at = all_.find(name);
    return at == all_.end() ? "" : at->second;
  }
  bool has(const std::string& name) const { return !(*this)(name).empty(); }

 private:
  const std::map<std::string, std::string>& all_;
};

Result<Credentials> both(std::string access_key, std::string secret_key, std::string_view name,
                         std::string_view secret_name) {
  if (access_key.empty() || secret_key.empty())
    return fail(ErrorKind::invalid,
                fmt::format("{} is given without {}", access_key.empty() ? secret_name : name,
                            access_key.empty() ? name : secret_name));
  Credentials out;
  out.access_key = std::move(access_key);
  out.secret_key = std::move(secret_key);
  out.from = name;
  return out;
}

Result<Credentials> from_options(const CredentialOptions& options) {
  return both(options.access_key, options.secret_key, "--cache-storage-s3-access-key-id",
              "--cache-storage-s3-secret-access-key");
}

Result<Credentials> from_environment(const Variables& variable) {
  TRY(auto out, both(variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"),
                     "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"));
  out.session_token = variable("AWS_SESSION_TOKEN");
  return out;
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

std::string sts_endpoint(const Variables& variable, std::string region) {
  if (variable.has("AWS_ENDPOINT_URL_STS")) return without_slash(variable("AWS_ENDPOINT_URL_STS"));
  if (region.empty()) region = variable("AWS_REGION");
  if (region.empty()) region = variable("AWS_DEFAULT_REGION");
  if (region.empty()) return "https://sts.amazonaws.com";
  return fmt::format("https://sts.{}.amazonaws.com{}", region,
                     region.starts_with("cn-") ? ".cn" : "");
}

Result<WebIdentity> web_identity(const Variables& variable, const std::string& region) {
  if (!variable.has("AWS_ROLE_ARN"))
    return fail(ErrorKind::invalid, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
  auto session = variable("AWS_ROLE_SESSION_NAME");
  return WebIdentity{sts_endpoint(variable, region), variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
                     variable("AWS_ROLE_ARN"), session.empty() ? "ncps" : session};
}

// Absent: there is no such file or profile, and nobody has named one.
Task<std::optional<Credentials>> from_shared_file(Variables variable, Outside& outside) {
  bool named_file = variable.has("AWS_SHARED_CREDENTIALS_FILE");
  bool named_profile = variable.has("AWS_PROFILE");
  if (!named_file && !named_profile && !variable.has("HOME")) co_return std::nullopt;
  auto file =
      named_file ? variable("AWS_SHARED_CREDENTIALS_FILE") : variable("HOME") + "/.aws/credentials";
  auto profile = named_profile ? variable("AWS_PROFILE") : "default";
  CO_TRY(auto text, co_await outside.read(file));
  std::optional<Credentials> found;
  if (text) {
    auto parsed = parse_shared_file(*text, profile);
    if (!parsed)
      co_return std::unexpected(std::move(parsed).error().while_doing("reading " + file));
    found = *std::move(parsed);
  }
  if (!found && (named_file || named_profile))
    co_return fail(ErrorKind::invalid, fmt::format("{} has no keys of profile {}", file, profile));
  if (found) found->from = fmt::format("profile {} of {}", profile, file);
  co_return found;
}

ContainerService container(const Variables& variable) {
  ContainerService out;
  out.url = variable.has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
                ? "http://169.254.170.2" + variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")
                : variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  out.token_file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  out.token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  return out;
}

}  // namespace

Task<Credentials> find_credentials(CredentialOptions options, Outside& outside, Deadline deadline) {
  Variables variable(options.environment);
  if (!options.access_key.empty() || !options.secret_key.empty()) co_return from_options(options);
  if (variable.has("AWS_ACCESS_KEY_ID") || variable.has("AWS_SECRET_ACCESS_KEY"))
    co_return from_environment(variable);
  if (variable.has("AWS_WEB_IDENTITY_TOKEN_FILE")) {
    CO_TRY(auto from, web_identity(variable, options.region));
    co_return co_await ask_web_identity(std::move(from), outside, deadline);
  }
  CO_TRY(auto shared, co_await from_shared_file(variable, outside));
  if (shared) co_return *std::move(shared);
  if (variable.has("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") ||
      variable.has("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
    auto from = container(variable);
    co_return co_await ask_container(std::move(from), outside, deadline);
  }
  constexpr std::string_view kNowhere =
      "no credentials for S3: no --cache-storage-s3-access-key-id, AWS_ACCESS_KEY_ID, "
      "AWS_WEB_IDENTITY_TOKEN_FILE, ~/.aws/credentials or container's role";
  if (variable("AWS_EC2_METADATA_DISABLED") == "true")
    co_return fail(ErrorKind::invalid, std::string(kNowhere));
  auto endpoint = without_slash(variable("AWS_EC2_METADATA_SERVICE_ENDPOINT"));
  if (endpoint.empty()) endpoint = "http://169.254.169.254";
  auto found = co_await ask_instance(std::move(endpoint), outside, deadline);
  if (!found) {
    auto error = std::move(found).error();
    co_return std::unexpected(std::move(error).while_doing(kNowhere));
  }
  co_return found;
}

}  // namespace ncps::s3
