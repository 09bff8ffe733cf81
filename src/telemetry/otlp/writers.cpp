#include "telemetry/otlp/writers.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <iterator>

#include "telemetry/json_text.h"
#include "telemetry/trace_context.h"
#include "telemetry/utf8.h"

namespace ncps::otlp {
namespace {

// Types of fields on the wire.
constexpr unsigned kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5;

template <class Int>
void append_little_endian(std::string& out, Int value) {
  for (std::size_t i = 0; i < sizeof value; ++i)
    out.push_back(static_cast<char>(value >> (8 * i) & 0xff));
}

std::size_t varint_size(std::uint64_t value) {
  return (std::bit_width(value | 1) + 6) / 7;
}

}  // namespace

void ProtobufWriter::varint(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out_.push_back(static_cast<char>(value | 0x80));
  out_.push_back(static_cast<char>(value));
}

void ProtobufWriter::key(Tag tag, unsigned type) {
  varint(tag.number << 3 | type);
}

void ProtobufWriter::text(Tag tag, std::string_view value) {
  auto clean = telemetry::to_utf8(value);
  key(tag, kBytes);
  varint(clean.size());
  out_.append(clean);
}

void ProtobufWriter::id(Tag tag, std::span<const std::uint8_t> value) {
  key(tag, kBytes);
  varint(value.size());
  out_.append(value.begin(), value.end());
}

void ProtobufWriter::number(Tag tag, std::int64_t value) {
  key(tag, kVarint);
  varint(static_cast<std::uint64_t>(value));
}

void ProtobufWriter::fixed64(Tag tag, std::uint64_t value) {
  key(tag, kFixed64);
  append_little_endian(out_, value);
}

void ProtobufWriter::fixed32(Tag tag, std::uint32_t value) {
  key(tag, kFixed32);
  append_little_endian(out_, value);
}

void ProtobufWriter::real(Tag tag, double value) {
  fixed64(tag, std::bit_cast<std::uint64_t>(value));
}

void ProtobufWriter::fixed64s(Tag tag, std::span<const std::uint64_t> values) {
  key(tag, kBytes);
  varint(8 * values.size());
  for (auto value : values) append_little_endian(out_, value);
}

void ProtobufWriter::reals(Tag tag, std::span<const double> values) {
  key(tag, kBytes);
  varint(8 * values.size());
  for (auto value : values) append_little_endian(out_, std::bit_cast<std::uint64_t>(value));
}

// One byte is left for the length, which is enough for most.
std::size_t ProtobufWriter::begin(Tag tag) {
  key(tag, kBytes);
  out_.push_back('\0');
  return out_.size();
}

void ProtobufWriter::end(std::size_t at) {
  std::uint64_t length = out_.size() - at;
  auto bytes = varint_size(length);
  out_.insert(at, bytes - 1, '\0');
  for (auto i = at - 1; bytes > 0; ++i, --bytes, length >>= 7)
    out_[i] = static_cast<char>((length & 0x7f) | (bytes > 1 ? 0x80 : 0));
}

void JsonWriter::open() {
  out_.push_back('{');
  first_ = true;
}

void JsonWriter::close() {
  out_.push_back('}');
  first_ = false;
}

void JsonWriter::key(Tag tag) {
  if (!first_) out_.push_back(',');
  first_ = false;
  fmt::format_to(std::back_inserter(out_), "\"{}\":", tag.name);
}

void JsonWriter::quoted(std::string_view text) {
  telemetry::append_json(out_, text);
}

void JsonWriter::text(Tag tag, std::string_view value) {
  key(tag);
  quoted(value);
}

void JsonWriter::id(Tag tag, std::span<const std::uint8_t> value) {
  text(tag, trace::print_hex(value));
}

void JsonWriter::number(Tag tag, std::int64_t value) {
  key(tag);
  fmt::format_to(std::back_inserter(out_), "{}", value);
}

void JsonWriter::boolean(Tag tag, bool value) {
  key(tag);
  out_.append(value ? "true" : "false");
}

void JsonWriter::fixed64(Tag tag, std::uint64_t value) {
  key(tag);
  fmt::format_to(std::back_inserter(out_), "\"{}\"", value);
}

void JsonWriter::signed_fixed64(Tag tag, std::int64_t value) {
  key(tag);
  fmt::format_to(std::back_inserter(out_), "\"{}\"", value);
}

void JsonWriter::fixed32(Tag tag, std::uint32_t value) {
  number(tag, value);
}

void JsonWriter::real_value(double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(out_), "{}", value);
  } else {
    out_.append(std::isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
  }
}

void JsonWriter::real(Tag tag, double value) {
  key(tag);
  real_value(value);
}

void JsonWriter::fixed64s(Tag tag, std::span<const std::uint64_t> values) {
  key(tag);
  out_.append("[");
  for (std::size_t i = 0; i < values.size(); ++i)
    fmt::format_to(std::back_inserter(out_), "{}\"{}\"", i > 0 ? "," : "", values[i]);
  out_.append("]");
}

void JsonWriter::reals(Tag tag, std::span<const double> values) {
  key(tag);
  out_.append("[");
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out_.push_back(',');
    real_value(values[i]);
  }
  out_.append("]");
}

}  // namespace ncps::otlp
