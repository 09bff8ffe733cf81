#include "nix/nar_listing.h"

#include "nix/nar_walker.h"

namespace ncps::nix {
namespace {

void append_escaped(std::string& out, char c) {
  constexpr std::string_view kHex = "0123456789abcdef";
  switch (c) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    default: break;
  }
  auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20) {
    out.append("\\u00").append({kHex[byte >> 4U], kHex[byte & 15U]});
  } else {
    out.push_back(c);
  }
}

void append_string(std::string& out, std::string_view text) {
  out.push_back('"');
  for (char c : text) append_escaped(out, c);
  out.push_back('"');
}

// Keys are sorted, and so are the names in a NAR: everything can be written when it comes by.
class Printer final : public NarEvents {
 public:
  explicit Printer(NarListingLimits limits) : limits_(limits) {}

  Result<void> directory_begins() override {
    text_ += R"({"entries":{)";
    return check();
  }

  Result<void> entry(std::string_view name) override {
    if (++entries_ > limits_.entries) return too_large();
    if (!text_.ends_with('{')) text_.push_back(',');
    append_string(text_, name);
    text_.push_back(':');
    return check();
  }

  Result<void> directory_ends() override {
    text_ += R"(},"type":"directory"})";
    return check();
  }

  Result<void> file(bool executable, std::uint64_t offset, std::uint64_t size) override {
    text_ += executable ? R"({"executable":true,"narOffset":)" : R"({"narOffset":)";
    text_ += std::to_string(offset);
    text_ += R"(,"size":)";
    text_ += std::to_string(size);
    text_ += R"(,"type":"regular"})";
    return check();
  }

  Result<void> symlink(std::string_view target) override {
    text_ += R"({"target":)";
    append_string(text_, target);
    text_ += R"(,"type":"symlink"})";
    return check();
  }

  std::string take() && {
    text_ += R"(,"version":1})";
    return std::move(text_);
  }

 private:
  static std::unexpected<Error> too_large() {
    return fail(ErrorKind::invalid, "the NAR holds more than a listing may have");
  }
  Result<void> check() const {
    if (text_.size() > limits_.bytes) return too_large();
    return {};
  }

  NarListingLimits limits_;
  std::string text_ = R"({"root":)";
  std::size_t entries_ = 0;
};

}  // namespace

struct NarListing::State {
  explicit State(NarListingLimits limits) : printer(limits) {}
  Printer printer;
  NarWalker walker{&printer};
};

NarListing::NarListing(NarListingLimits limits) : state_(std::make_unique<State>(limits)) {}
NarListing::~NarListing() = default;
NarListing::NarListing(NarListing&&) noexcept = default;
NarListing& NarListing::operator=(NarListing&&) noexcept = default;

Result<void> NarListing::feed(std::string_view nar_bytes) {
  return state_->walker.feed(nar_bytes);
}

Result<std::string> NarListing::finish() {
  TRY(state_->walker.finish());
  return std::move(state_->printer).take();
}

}  // namespace ncps::nix
