#include "http/h2/machine.h"

#include <algorithm>
#include <map>
#include <string>

#include "fuzzing/fuzz_target.h"

namespace ncps::http::h2 {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kBody = "hello hello";
constexpr std::size_t kMostKept = 64ul << 10;  // of what is told of a stream
constexpr std::size_t kFrameHead = 9;

std::string frame(char type, char flags, char stream, std::string_view bytes) {
  std::string out{0, static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size())};
  out += {type, flags, 0, 0, 0, stream};
  return out.append(bytes);
}

// `input` as frames: a byte each for type, flags, stream and length, then so many bytes.
std::string frames_of(std::string_view input) {
  auto out = frame(4, 0, 0, "");
  while (input.size() >= 4) {
    auto type = input[0], flags = input[1], stream = input[2];
    auto bytes = input.substr(4, static_cast<unsigned char>(input[3]));
    out += frame(type, flags, stream, bytes);
    input.remove_prefix(4 + bytes.size());
  }
  return out;
}

std::size_t size_of(std::string_view frame) {
  auto at = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(frame[i])}; };
  return kFrameHead + (at(0) << 16 | at(1) << 8 | at(2));
}

// Whether there is a GOAWAY among these frames.
bool says_goodbye(std::string_view frames) {
  while (frames.size() >= kFrameHead) {
    if (frames[3] == 7) return true;
    frames.remove_prefix(std::min(size_of(frames), frames.size()));
  }
  return false;
}

// Frames, whole ones, none larger than each client takes.
void check_frames(std::string_view out) {
  while (!out.empty()) {
    CHECK(out.size() >= kFrameHead);
    auto size = size_of(out);
    CHECK(size <= kFrameHead + 16'384 && out[3] < 10 && out.size() >= size);
    out.remove_prefix(size);
  }
}

// Keeps what is told, looks at its order, and answers each request.
class Told final : public Events {
 public:
  std::string all() const {
    std::string out;
    for (const auto& [id, stream] : streams_) {
      out.append(std::to_string(id)).append(":").append(stream.head);
      // How much came of one that was cut off, longer than its Content-Length, is chance.
      if (stream.part == Stream::Part::whole) out.append(stream.body).append("|");
      out.append("\n");
    }
    return out;
  }

  Machine* machine = nullptr;

 private:
  struct Stream {
    enum class Part : std::uint8_t { head, body, whole } part = Part::head;
    bool closed = false;
    std::size_t sent = 0;
    int methods = 0, paths = 0, schemes = 0;
    std::string head, body;
  };

  Stream& open(StreamId id, Stream::Part part) {
    auto found = streams_.find(id);
    CHECK(found != streams_.end() && !found->second.closed && found->second.part == part);
    return found->second;
  }
  static void keep(std::string& in, std::string_view what) {
    if (in.size() < kMostKept) in.append(what);
  }

  void begin(StreamId id) override {
    CHECK(id % 2 == 1 && (streams_.empty() || id > streams_.rbegin()->first));
    streams_[id];
  }
  void field(StreamId id, Field field) override {
    auto& stream = open(id, Stream::Part::head);
    // Nothing of it begins a line, nor is a name that HTTP/1 writes in capitals.
    CHECK(field.value.find_first_of(std::string_view("\r\n\0", 3)) == field.value.npos);
    CHECK(!field.name.empty() && std::ranges::none_of(field.name, [](char c) {
      return (c >= 'A' && c <= 'Z') || c <= ' ';
    }));
    CHECK(field.name != "transfer-encoding" && field.name != "connection");
    stream.methods += field.name == ":method" ? 1 : 0;
    stream.paths += field.name == ":path" ? 1 : 0;
    stream.schemes += field.name == ":scheme" ? 1 : 0;
    for (auto part : {field.name, std::string_view("="), field.value, std::string_view(";")})
      keep(stream.head, part);
  }
  void head_complete(StreamId id, Body body) override {
    auto& stream = open(id, Stream::Part::head);
    stream.part = body == Body::none ? Stream::Part::whole : Stream::Part::body;
    CHECK(stream.methods == 1 && stream.paths == stream.schemes && stream.paths <= 1);
    keep(stream.head, body == Body::none ? "|" : "|body:");
    const Field status{":status", "200"};
    machine->respond(id, {&status, 1}, Machine::Content::pulled);
  }
  void data(StreamId id, std::string_view bytes) override {
    keep(open(id, Stream::Part::body).body, bytes);
  }
  void data_end(StreamId id) override { open(id, Stream::Part::body).part = Stream::Part::whole; }
  void sent_whole(StreamId id) override { CHECK(streams_.at(id).sent == kBody.size()); }
  void closed(StreamId id) override {
    auto found = streams_.find(id);
    if (found == streams_.end()) return;  // refused before anybody was told of it
    CHECK(!found->second.closed);
    found->second.closed = true;
  }
  void settled() override {}
  void pong() override {}

  Pulled pull(StreamId id, std::span<char> to) override {
    auto& stream = streams_.at(id);
    CHECK(!stream.closed && stream.part != Stream::Part::head && !to.empty());
    auto some = kBody.substr(stream.sent, to.size());
    std::ranges::copy(some, to.begin());
    stream.sent += some.size();
    bool whole = stream.sent == kBody.size();
    return {.bytes = some.size(), .state = whole ? Pulled::State::end : Pulled::State::more};
  }

  std::map<StreamId, Stream> streams_;
};

enum class Answers : bool { at_the_end, meanwhile };

// What was told of these bytes; "refused" if they cannot be HTTP/2.
std::string told(const std::vector<std::string_view>& pieces, Answers answers) {
  Told events;
  Machine machine(events, Limits());
  events.machine = &machine;
  Output out;
  bool good = true;
  for (auto piece : pieces) {
    good = machine.receive(piece, {});
    if (!good) break;
    if (answers == Answers::meanwhile) CHECK(machine.fill(out, out.size() + 100));
  }
  for (std::size_t before = out.size() + 1; good && before != out.size();) {
    before = out.size();
    CHECK(machine.fill(out, out.size() + 1000));
  }
  check_frames(out.text());
  return good ? events.all() : "refused";
}

}  // namespace

FUZZ_TARGET(machine) {
  auto seed = fuzzing::take_byte(input);
  // Bytes as they are, or as frames whose lengths are right.
  auto frames = seed % 2 == 0 ? std::string(input) : frames_of(input);
  auto bytes = seed == 0 ? frames : std::string(kPreface) + frames;
  auto pieces = fuzzing::pieces_of(bytes, seed);
  auto whole = told({bytes}, Answers::at_the_end), in_pieces = told(pieces, Answers::at_the_end);
  // What a client asks for after its own GOAWAY libnghttp2 sees only if it came together with that.
  if (seed != 0 && !says_goodbye(frames)) CHECK(whole == in_pieces);
  told(pieces, Answers::meanwhile);
}

}  // namespace ncps::http::h2
