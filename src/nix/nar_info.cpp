#include "nix/nar_info.h"

#include <algorithm>
#include <array>

#include "nix/text.h"

namespace ncps::nix {
namespace {

// A narinfo while it is read: the required fields may still be missing.
struct Draft {
  std::optional<StorePath> store_path;
  std::string url;
  Compression compression = Compression::bzip2;  // what Nix takes an absent line for
  std::optional<Hash> file_hash;
  std::optional<std::uint64_t> file_size;
  std::optional<Hash> nar_hash;
  std::optional<std::uint64_t> nar_size;
  std::vector<StorePath> references;
  std::optional<std::string> deriver;
  std::vector<Signature> signatures;
  std::optional<std::string> ca;
  std::vector<std::pair<std::string, std::string>> other;
};

Result<void> read_store_path(std::string_view value, Draft& draft) {
  TRY(draft.store_path, StorePath::parse(value));
  return {};
}

Result<void> read_url(std::string_view value, Draft& draft) {
  auto breaks = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
  if (value.empty()) return fail(ErrorKind::invalid, "empty");
  if (std::ranges::any_of(value, breaks)) {
    return fail(ErrorKind::invalid, "white space or a control character inside");
  }
  draft.url = value;
  return {};
}

Result<void> read_compression(std::string_view value, Draft& draft) {
  TRY(draft.compression, parse_compression(value));
  return {};
}

bool is_of_other_algorithm(std::string_view hash) {
  constexpr std::array<std::string_view, 4> kOthers = {"md5", "sha1", "sha512", "blake3"};
  const auto algorithm = hash.substr(0, hash.find_first_of(":-"));
  return algorithm.size() < hash.size() && std::ranges::find(kOthers, algorithm) != kOthers.end();
}

// No client checks a FileHash; one that we cannot check either is as good as none.
Result<void> read_file_hash(std::string_view value, Draft& draft) {
  draft.file_hash.reset();
  if (is_of_other_algorithm(value)) return {};
  TRY(draft.file_hash, Hash::parse(value));
  return {};
}

Result<void> read_file_size(std::string_view value, Draft& draft) {
  draft.file_size = parse_number<std::uint64_t>(value);
  if (!draft.file_size) return fail(ErrorKind::invalid, "not a number");
  return {};
}

Result<void> read_nar_hash(std::string_view value, Draft& draft) {
  TRY(draft.nar_hash, Hash::parse(value));
  return {};
}

Result<void> read_nar_size(std::string_view value, Draft& draft) {
  draft.nar_size = parse_number<std::uint64_t>(value);
  if (!draft.nar_size) return fail(ErrorKind::invalid, "not a number");
  if (*draft.nar_size == 0) return fail(ErrorKind::invalid, "zero");
  return {};
}

Result<void> read_references(std::string_view value, Draft& draft) {
  if (value.empty()) return {};
  if (!draft.references.empty()) return fail(ErrorKind::invalid, "given twice");
  while (!value.empty()) {
    const auto word = value.substr(0, value.find_first_of(" \t"));
    TRY(auto reference, StorePath::parse_base_name(word));
    draft.references.push_back(std::move(reference));
    value = trim(value.substr(word.size()));
  }
  return {};
}

// Nothing but a display depends on the deriver: garbage there is no reason to lose the path.
Result<void> read_deriver(std::string_view value, Draft& draft) {
  draft.deriver.reset();
  if (auto path = StorePath::parse_base_name(value)) draft.deriver = path->base_name();
  return {};
}

Result<void> read_signature(std::string_view value, Draft& draft) {
  if (auto signature = Signature::parse(value)) draft.signatures.push_back(*std::move(signature));
  return {};
}

Result<void> read_ca(std::string_view value, Draft& draft) {
  if (value.empty()) return {};
  if (draft.ca) return fail(ErrorKind::invalid, "given twice");
  draft.ca = value;
  return {};
}

struct Field {
  std::string_view key;
  Result<void> (*read)(std::string_view value, Draft& draft);
};

constexpr std::array kFields = {
    Field{"StorePath", read_store_path},    Field{"URL", read_url},
    Field{"Compression", read_compression}, Field{"FileHash", read_file_hash},
    Field{"FileSize", read_file_size},      Field{"NarHash", read_nar_hash},
    Field{"NarSize", read_nar_size},        Field{"References", read_references},
    Field{"Deriver", read_deriver},  // "unknown-deriver" is no store path and so absent
    Field{"Sig", read_signature},           Field{"CA", read_ca},
};

Result<void> read_line(std::string_view line, Draft& draft) {
  const auto colon = line.find(':');
  if (colon == std::string_view::npos || colon == 0) {
    return fail(ErrorKind::invalid, "a line without a key");
  }
  const auto key = line.substr(0, colon);
  const auto value = trim(line.substr(colon + 1));
  const auto* field = std::ranges::find(kFields, key, &Field::key);
  if (field == kFields.end()) {
    draft.other.emplace_back(key, value);
    return {};
  }
  if (auto read = field->read(value, draft); !read) {
    return std::unexpected(std::move(read).error().while_doing(key));
  }
  return {};
}

Result<NarInfo> complete(Draft draft) {
  auto missing = [](std::string_view key) {
    return fail(ErrorKind::invalid, std::string(key) + " is missing");
  };
  if (!draft.store_path) return missing("StorePath");
  if (draft.url.empty()) return missing("URL");
  if (!draft.nar_hash) return missing("NarHash");
  if (!draft.nar_size) return missing("NarSize");
  return NarInfo{
      .store_path = *std::move(draft.store_path),
      .url = std::move(draft.url),
      .compression = draft.compression,
      .file_hash = draft.file_hash,
      .file_size = draft.file_size,
      .nar_hash = *draft.nar_hash,
      .nar_size = *draft.nar_size,
      .references = std::move(draft.references),
      .deriver = std::move(draft.deriver),
      .signatures = std::move(draft.signatures),
      .ca = std::move(draft.ca),
      .other = std::move(draft.other),
  };
}

std::string join_base_names(const std::vector<StorePath>& paths) {
  std::string text;
  for (const auto& path : paths) {
    if (!text.empty()) text += ' ';
    text += path.base_name();
  }
  return text;
}

}  // namespace

Result<NarInfo> parse_nar_info(std::string_view text) {
  if (text.size() > kMaxNarInfoBytes) return fail(ErrorKind::invalid, "narinfo of more than 1 MiB");
  Draft draft;
  for (int number = 1; !text.empty(); ++number) {
    const auto line = trim(take_line(text));
    if (line.empty()) continue;
    if (auto read = read_line(line, draft); !read) {
      return std::unexpected(std::move(read).error().while_doing("line " + std::to_string(number)));
    }
  }
  return complete(std::move(draft));
}

std::string print_nar_info(const NarInfo& info) {
  std::string text;
  auto add = [&](std::string_view key, std::string_view value) {
    text += key;
    text += ": ";
    text += value;
    text += '\n';
  };
  add("StorePath", info.store_path.str());
  add("URL", info.url);
  add("Compression", to_string(info.compression));
  if (info.file_hash) add("FileHash", info.file_hash->str());
  if (info.file_size) add("FileSize", std::to_string(*info.file_size));
  add("NarHash", info.nar_hash.str());
  add("NarSize", std::to_string(info.nar_size));
  add("References", join_base_names(info.references));
  if (info.deriver) add("Deriver", *info.deriver);
  for (const auto& signature : info.signatures) add("Sig", signature.str());
  if (info.ca) add("CA", *info.ca);
  for (const auto& [key, value] : info.other) add(key, value);
  return text;
}

std::string fingerprint(const NarInfo& info) {
  std::vector<std::string> references;
  references.reserve(info.references.size());
  for (const auto& reference : info.references) references.push_back(reference.str());
  std::ranges::sort(references);
  const auto repeated = std::ranges::unique(references);
  references.erase(repeated.begin(), repeated.end());

  std::string text = "1;" + info.store_path.str() + ';' + info.nar_hash.str() + ';' +
                     std::to_string(info.nar_size) + ';';
  for (std::size_t i = 0; i < references.size(); ++i) {
    if (i > 0) text += ',';
    text += references[i];
  }
  return text;
}

}  // namespace ncps::nix
