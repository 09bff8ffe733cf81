// Two ways to write one message: protobuf for the wire, JSON for a pipe. What a message consists of
// is said once, in messages.cpp, to either of them.
//
// Sources: protobuf, "Encoding"; OTLP, "JSON Protobuf Encoding" (ids in hex, 64-bit numbers as
// strings, enums as numbers). Pure.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ncps::otlp {

// A field of a message.
struct Tag {
  unsigned number;
  std::string_view name;
};

// Writes whatever it is told, also what would be a default.
class ProtobufWriter {
 public:
  void text(Tag tag, std::string_view value);  // UTF-8 in any case
  void id(Tag tag, std::span<const std::uint8_t> value);
  void number(Tag tag, std::int64_t value);  // int64, int32, enum
  void boolean(Tag tag, bool value) { number(tag, value ? 1 : 0); }
  void fixed64(Tag tag, std::uint64_t value);
  void signed_fixed64(Tag tag, std::int64_t value) {
    fixed64(tag, static_cast<std::uint64_t>(value));
  }
  void fixed32(Tag tag, std::uint32_t value);
  void real(Tag tag, double value);
  void fixed64s(Tag tag, std::span<const std::uint64_t> values);
  void reals(Tag tag, std::span<const double> values);

  template <std::invocable<ProtobufWriter&> Body>
  void message(Tag tag, Body body) {
    auto at = begin(tag);
    body(*this);
    end(at);
  }

  template <class Items, class Each>
  void list(Tag tag, const Items& items, Each each) {
    for (const auto& item : items) message(tag, [&](ProtobufWriter& inner) { each(inner, item); });
  }

  std::string take() && { return std::move(out_); }

 private:
  void key(Tag tag, unsigned type);
  void varint(std::uint64_t value);
  std::size_t begin(Tag tag);
  void end(std::size_t at);  // puts the length of what was written since in front of it

  std::string out_;
};

class JsonWriter {
 public:
  JsonWriter() { out_.push_back('{'); }

  void text(Tag tag, std::string_view value);
  void id(Tag tag, std::span<const std::uint8_t> value);
  void number(Tag tag, std::int64_t value);
  void boolean(Tag tag, bool value);
  void fixed64(Tag tag, std::uint64_t value);
  void signed_fixed64(Tag tag, std::int64_t value);
  void fixed32(Tag tag, std::uint32_t value);
  void real(Tag tag, double value);
  void fixed64s(Tag tag, std::span<const std::uint64_t> values);
  void reals(Tag tag, std::span<const double> values);

  template <std::invocable<JsonWriter&> Body>
  void message(Tag tag, Body body) {
    key(tag);
    open();
    body(*this);
    close();
  }

  template <class Items, class Each>
  void list(Tag tag, const Items& items, Each each) {
    key(tag);
    out_.push_back('[');
    bool first = true;
    for (const auto& item : items) {
      if (!first) out_.push_back(',');
      first = false;
      open();
      each(*this, item);
      close();
    }
    out_.push_back(']');
  }

  std::string take() && {
    close();
    return std::move(out_);
  }

 private:
  void key(Tag tag);
  void open();
  void close();
  void quoted(std::string_view text);
  void real_value(double value);

  std::string out_;
  bool first_ = true;  // of the fields of the object that is open
};

}  // namespace ncps::otlp
