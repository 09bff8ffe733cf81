// What fsck makes of a name of which it has seen what the store and the database say. Pure.
#pragma once

#include <optional>

#include "cache/fsck.h"

namespace ncps::cache {

// What lies in the store under a name.
struct Lying {
  std::uint64_t size;
  db::Time published;
};

// nullopt: all is well.
std::optional<Flaw> look_at_nar(const std::optional<Lying>& lying, const db::NarEntry* row,
                                db::Time grace_from);
// Not at rest, and nobody else may have it: whether a narinfo promises it must be looked at.
bool may_be_lost_upload(const std::optional<Lying>& lying, const db::NarEntry* row);
std::optional<Flaw> look_at_narinfo(bool lying, const db::NarInfoEntry* row);

std::optional<Flaw> look_at_object(const std::optional<Lying>& lying, const db::ObjectEntry* row,
                                   db::Time grace_from);

// Only its bytes can tell whether the NAR is good: its size is not the one that was announced.
bool bytes_must_tell(Flaw flaw, const Lying& lying, const db::NarEntry& row);

// How far into a list in which names are spread evenly, and begin with two characters of nix32.
double part_before(std::string_view name);

}  // namespace ncps::cache
