#include "telemetry/otlp/otlp_options.h"

#include <algorithm>
#include <charconv>

namespace ncps::otlp {
namespace {

using std::chrono::milliseconds;

// More of anything would be a slip of the pen.
constexpr std::uint64_t kMostQueued = 1'000'000;
constexpr std::uint64_t kMostMillis = 3'600'000;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) return std::nullopt;
    out.push_back(static_cast<char>(high << 4 | low));
    i += 2;
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// RFC 9110, token; lower case, as HTTP/2 wants it.
bool is_header_name(std::string_view name) {
  auto fits = [](unsigned char c) {
    return std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) !=
               std::string_view::npos ||
           (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
  };
  return !name.empty() && std::ranges::all_of(name, fits);
}

bool is_header_value(std::string_view value) {
  return std::ranges::all_of(value, [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
}

class Reader {
 public:
  Reader(const Lookup& variable, std::vector<std::string>& warnings)
      : variable_(variable), warnings_(warnings) {}

  // An empty variable is as good as none: the specification.
  std::optional<std::string> text(const std::string& name) const {
    auto value = variable_(name);
    if (value && value->empty()) value.reset();
    return value;
  }

  // The first of these that there is.
  std::optional<std::string> text(const std::string& first, const std::string& second) const {
    auto value = text(first);
    return value ? value : text(second);
  }

  std::optional<std::uint64_t> number(const std::string& name, std::uint64_t most) {
    auto value = text(name);
    if (!value) return std::nullopt;
    std::uint64_t number = 0;
    auto [end, ec] = std::from_chars(value->data(), value->data() + value->size(), number);
    if (ec == std::errc() && end == value->data() + value->size() && number > 0 && number <= most)
      return number;
    warn(name, "not a whole number from 1 to " + std::to_string(most));
    return std::nullopt;
  }

  void batch(const std::string& prefix, BatchOptions& options) {
    if (auto n = number(prefix + "MAX_QUEUE_SIZE", kMostQueued)) options.queue = *n;
    if (auto n = number(prefix + "MAX_EXPORT_BATCH_SIZE", kMostQueued)) options.batch = *n;
    if (auto n = number(prefix + "SCHEDULE_DELAY", kMostMillis)) options.delay = milliseconds(*n);
    if (options.batch > options.queue) options.batch = options.queue;
  }

  void warn(const std::string& name, const std::string& what) {
    warnings_.push_back(name + ": " + what + "; it is not looked at");
  }

 private:
  const Lookup& variable_;
  std::vector<std::string>& warnings_;
};

void read_endpoint(Reader& read, OtlpOptions& options) {
  auto endpoint = read.text("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (!endpoint) return;
  auto url = telemetry::parse_collector_url(*endpoint);
  if (!url) return read.warn("OTEL_EXPORTER_OTLP_ENDPOINT", url.error().what());
  options.collector = std::move(*url);
}

void read_headers(Reader& read, OtlpOptions& options) {
  auto text = read.text("OTEL_EXPORTER_OTLP_HEADERS");
  if (!text) return;
  auto pairs = parse_pairs(*text);
  bool good = pairs && std::ranges::all_of(*pairs, [](const auto& pair) {
                return is_header_name(pair.first) && is_header_value(pair.second);
              });
  if (!good)
    return read.warn("OTEL_EXPORTER_OTLP_HEADERS", "not of the form name=value,name=value");
  for (auto& [name, value] : *pairs) {
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    options.headers.emplace_back(std::move(name), std::move(value));
  }
}

// OTEL_SERVICE_NAME goes before what the attributes say.
void read_resource(Reader& read, OtlpOptions& options) {
  std::string service = "ncps";
  std::vector<telemetry::ResourceAttribute> others;
  if (auto text = read.text("OTEL_RESOURCE_ATTRIBUTES")) {
    auto pairs = parse_pairs(*text);
    if (!pairs) read.warn("OTEL_RESOURCE_ATTRIBUTES", "not of the form name=value,name=value");
    for (auto& [name, value] : pairs.value_or(decltype(pairs)::value_type())) {
      if (name == "service.name") {
        service = value;
      } else {
        others.emplace_back(name, value);
      }
    }
  }
  if (auto name = read.text("OTEL_SERVICE_NAME")) service = *name;
  options.resource.emplace_back("service.name", service);
  std::ranges::move(others, std::back_inserter(options.resource));
}

void read_sampler(Reader& read, OtlpOptions& options) {
  auto name = read.text("OTEL_TRACES_SAMPLER");
  if (!name) return;
  auto sampler =
      trace::Sampler::parse(*name, read.text("OTEL_TRACES_SAMPLER_ARG").value_or(std::string()));
  if (!sampler) return read.warn("OTEL_TRACES_SAMPLER", sampler.error().what());
  options.sampler = std::move(*sampler);
}

}  // namespace

std::optional<std::vector<std::pair<std::string, std::string>>> parse_pairs(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  while (!text.empty()) {
    auto comma = std::min(text.find(','), text.size());
    auto member = trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (member.empty()) continue;
    auto equals = member.find('=');
    if (equals == member.npos || equals == 0) return std::nullopt;
    auto name = percent_decoded(trimmed(member.substr(0, equals)));
    auto value = percent_decoded(trimmed(member.substr(equals + 1)));
    if (!name || !value || name->empty()) return std::nullopt;
    pairs.emplace_back(std::move(*name), std::move(*value));
  }
  return pairs;
}

OtlpOptions read_otlp_options(std::optional<telemetry::CollectorUrl> collector,
                              const Lookup& variable) {
  OtlpOptions options{.collector = std::move(collector)};
  Reader read(variable, options.warnings);
  options.disabled = read.text("OTEL_SDK_DISABLED") == "true";
  if (!options.collector) read_endpoint(read, options);
  read_headers(read, options);
  options.ca_file = read.text("OTEL_EXPORTER_OTLP_CERTIFICATE").value_or("");
  if (auto n = read.number("OTEL_EXPORTER_OTLP_TIMEOUT", kMostMillis))
    options.timeout = milliseconds(*n);
  read.batch("OTEL_BSP_", options.spans);
  read.batch("OTEL_BLRP_", options.logs);
  if (auto n = read.number("OTEL_METRIC_EXPORT_INTERVAL", kMostMillis))
    options.metric_interval = milliseconds(*n);
  read_sampler(read, options);
  read_resource(read, options);
  return options;
}

}  // namespace ncps::otlp
