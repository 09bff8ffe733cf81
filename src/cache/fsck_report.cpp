#include "cache/fsck_report.h"

#include <algorithm>
#include <numeric>

namespace ncps::cache {

std::string_view to_string(Flaw flaw) noexcept {
  switch (flaw) {
    case Flaw::narinfo_without_file: return "narinfo without its file";
    case Flaw::narinfo_without_row: return "narinfo without its row";
    case Flaw::narinfo_corrupt: return "narinfo that is damaged";
    case Flaw::narinfo_not_trusted: return "narinfo that no key of today vouches for";
    case Flaw::nar_absent: return "NAR that is noted as stored, but is not";
    case Flaw::nar_not_noted: return "NAR that is stored, but not noted as such";
    case Flaw::nar_without_row: return "NAR without a row";
    case Flaw::nar_of_other_size: return "NAR of another size than noted";
    case Flaw::nar_corrupt: return "NAR whose bytes are wrong";
    case Flaw::object_without_row: return "log, listing or the like that does not count";
    case Flaw::object_absent: return "log, listing or the like that counts, but is not there";
    case Flaw::object_of_other_size: return "log, listing or the like of another size than noted";
    case Flaw::pin_without_file: return "pin without its file";
    case Flaw::pin_without_row: return "pin without its row, which keeps nothing";
    case Flaw::leftover: return "leftover of a process that is gone";
  }
  return "";
}

std::string_view name_of(Flaw flaw) noexcept {
  switch (flaw) {
    case Flaw::narinfo_without_file: return "narinfo_without_file";
    case Flaw::narinfo_without_row: return "narinfo_without_row";
    case Flaw::narinfo_corrupt: return "narinfo_corrupt";
    case Flaw::narinfo_not_trusted: return "narinfo_not_trusted";
    case Flaw::nar_absent: return "nar_absent";
    case Flaw::nar_not_noted: return "nar_not_noted";
    case Flaw::nar_without_row: return "nar_without_row";
    case Flaw::nar_of_other_size: return "nar_of_other_size";
    case Flaw::nar_corrupt: return "nar_corrupt";
    case Flaw::object_without_row: return "object_without_row";
    case Flaw::object_absent: return "object_absent";
    case Flaw::object_of_other_size: return "object_of_other_size";
    case Flaw::pin_without_file: return "pin_without_file";
    case Flaw::pin_without_row: return "pin_without_row";
    case Flaw::leftover: return "leftover";
  }
  return "";
}

std::uint64_t FsckSummary::found() const {
  return std::accumulate(flaws.begin(), flaws.end(), std::uint64_t{0},
                         [](auto sum, const FlawCount& count) { return sum + count.found; });
}

std::uint64_t FsckSummary::mended() const {
  return std::accumulate(flaws.begin(), flaws.end(), std::uint64_t{0},
                         [](auto sum, const FlawCount& count) { return sum + count.mended; });
}

void FsckReport::found(Flaw flaw, std::string_view name, std::string_view why) {
  ++summary_[flaw].found;
  auto line = std::string(to_string(flaw)) + ": " + std::string(name);
  if (!why.empty()) line.append(": ").append(why);
  example(std::move(line));
}

void FsckReport::unchecked(std::string_view name, const Error& error) {
  ++summary_.unchecked;
  example("could not find out: " + std::string(name) + ": " + error.what());
}

void FsckReport::example(std::string line) {
  if (summary_.examples.size() == FsckSummary::kExamples) return;
  // A row may hold what a terminal would obey.
  auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  std::ranges::replace_if(line, is_control, '?');
  summary_.examples.push_back(std::move(line));
}

}  // namespace ncps::cache
