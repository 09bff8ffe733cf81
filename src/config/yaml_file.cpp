#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <optional>
#include <sstream>

#include "config/config_file.h"

namespace ncps::config {
namespace {

std::unexpected<Error> at_line(const YAML::Mark& mark, std::string_view what) {
  return fail(ErrorKind::invalid,
              "line " + std::to_string(mark.line + 1) + ": " + std::string(what));
}

// Hears where the contents of a document begin, and nothing else.
class Beginning final : public YAML::EventHandler {
 public:
  std::optional<YAML::Mark> at;

 private:
  void note(const YAML::Mark& mark) {
    if (!at) at = mark;
  }
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { note(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { note(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    note(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    note(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    note(mark);
  }
  void OnMapEnd() override {}
};

// Where a second document begins, or what cannot belong to the first. Not YAML::LoadAll: after a stray ']' that
// finds one empty document after the other, without end.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Beginning first, second;
  if (!parser.HandleNextDocument(first) || !parser.HandleNextDocument(second)) return std::nullopt;
  return second.at.value_or(YAML::Mark::null_mark());
}

// Aliases may hold themselves, or one another many times over: so depth and number of what is looked at are
// bounded, whatever the file's own length.
class Flattening {
 public:
  explicit Flattening(std::vector<FileEntry>& out) : out_(out) {}

  Result<void> flatten(const YAML::Node& node, const std::string& key, int depth = 0) {
    if (depth > kMostDepth || ++seen_ > kMostNodes)
      return at_line(node.Mark(), "is nested too deeply, or refers to itself");
    if (node.IsMap()) {
      for (const auto& pair : node) {
        auto name = key.empty() ? pair.first.Scalar() : key + "." + pair.first.Scalar();
        TRY(flatten(pair.second, name, depth + 1));
      }
      return {};
    }
    if (node.IsNull() || !node.IsDefined()) return {};
    if (key.empty()) return at_line(node.Mark(), "the file must hold keys and values");
    if (node.IsSequence()) return flatten_list(node, key);
    out_.push_back({.key = key, .values = {node.Scalar()}, .line = node.Mark().line + 1});
    return {};
  }

 private:
  static constexpr int kMostDepth = 16;
  static constexpr int kMostNodes = 10'000;

  Result<void> flatten_list(const YAML::Node& node, const std::string& key) {
    FileEntry entry{.key = key, .values = {}, .line = node.Mark().line + 1};
    for (const auto& item : node) {
      if (!item.IsScalar())
        return at_line(item.Mark(), key + ": a list may only hold plain values");
      entry.values.push_back(item.Scalar());
    }
    seen_ += static_cast<int>(entry.values.size());
    out_.push_back(std::move(entry));
    return {};
  }

  std::vector<FileEntry>& out_;
  int seen_ = 0;
};

}  // namespace

Result<std::vector<FileEntry>> parse_yaml(const std::string& text) {
  std::vector<FileEntry> out;
  try {
    auto document = YAML::Load(text);
    if (auto mark = second_document(text)) return at_line(*mark, "a second document begins");
    TRY(Flattening(out).flatten(document, ""));
  } catch (const YAML::Exception& e) {
    return at_line(e.mark, e.msg);
  }
  return out;
}

}  // namespace ncps::config
