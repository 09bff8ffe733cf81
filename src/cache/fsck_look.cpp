#include "cache/fsck_look.h"

namespace ncps::cache {

std::optional<Flaw> look_at_nar(const std::optional<Lying>& lying, const db::NarEntry* row,
                                db::Time grace_from) {
  bool noted = row != nullptr && row->row.stored_size.has_value();
  if (!lying) return noted ? std::optional(Flaw::nar_absent) : std::nullopt;
  if (row == nullptr)
    return lying->published > grace_from ? std::nullopt : std::optional(Flaw::nar_without_row);
  if (!noted) return Flaw::nar_not_noted;
  if (*row->row.stored_size != lying->size || lying->size == 0) return Flaw::nar_of_other_size;
  return std::nullopt;
}

bool may_be_lost_upload(const std::optional<Lying>& lying, const db::NarEntry* row) {
  return !lying && row != nullptr && row->row.upstream.empty();
}

std::optional<Flaw> look_at_narinfo(bool lying, const db::NarInfoEntry* row) {
  if (!lying) return row != nullptr ? std::optional(Flaw::narinfo_without_file) : std::nullopt;
  bool leads = row != nullptr && row->nar_url.has_value();
  return leads ? std::nullopt : std::optional(Flaw::narinfo_without_row);
}

std::optional<Flaw> look_at_object(const std::optional<Lying>& lying, const db::ObjectEntry* row,
                                   db::Time grace_from) {
  if (!lying) return row != nullptr ? std::optional(Flaw::object_absent) : std::nullopt;
  if (row == nullptr)
    return lying->published > grace_from ? std::nullopt : std::optional(Flaw::object_without_row);
  return row->size == lying->size ? std::nullopt : std::optional(Flaw::object_of_other_size);
}

bool bytes_must_tell(Flaw flaw, const Lying& lying, const db::NarEntry& row) {
  if (flaw == Flaw::nar_of_other_size) return true;
  auto expected = expected_size(row.row);
  return lying.size == 0 || (expected && *expected != lying.size);
}

double part_before(std::string_view name) {
  constexpr std::string_view kNix32 = "0123456789abcdfghijklmnpqrsvwxyz";
  double part = 0, weight = 1;
  for (char c : name.substr(0, 2)) {
    weight /= 32;
    auto at = std::min<std::size_t>(kNix32.find_first_of(c), 31);
    part += weight * static_cast<double>(at);
  }
  return part;
}

}  // namespace ncps::cache
