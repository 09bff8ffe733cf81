// What somebody may do.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace ncps::access {

enum class Right : std::uint8_t {
  read,    // narinfos, NARs and what goes with them
  write,   // uploads, pins
  remove,  // deletions; "delete" as text
  admin,   // looking at what others do
};

std::string_view to_string(Right right) noexcept;

// nullopt: no right has that name.
std::optional<Right> parse_right(std::string_view text) noexcept;

// A set of rights, as given: what they imply is access.h's business.
class Rights {
 public:
  constexpr Rights() = default;
  constexpr explicit(false) Rights(Right one) : bits_(bit(one)) {}
  constexpr Rights operator|(Rights other) const { return Rights(bits_ | other.bits_); }
  constexpr bool has(Right one) const { return (bits_ & bit(one)) != 0; }
  constexpr bool empty() const { return bits_ == 0; }
  friend constexpr bool operator==(Rights, Rights) = default;

 private:
  constexpr explicit Rights(unsigned bits) : bits_(bits) {}
  static constexpr unsigned bit(Right one) { return 1U << static_cast<unsigned>(one); }
  unsigned bits_ = 0;
};

constexpr Rights operator|(Right a, Right b) {
  return Rights(a) | Rights(b);
}

}  // namespace ncps::access
