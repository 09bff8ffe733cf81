// FUZZ_TARGET: what a fuzzer does with one input. One for each x_fuzz.cpp, named after it; all of them are in
// one program, ncps_fuzz, and the variable FUZZ says which one runs.
//
//   FUZZ_TARGET(nar_url) {
//     auto url = nix::NarUrl::parse(input);
//     if (url) CHECK(nix::NarUrl::parse(url->str()) == *url);
//   }
//
// Source: libFuzzer. What must hold is said with CHECK (base/check.h), which aborts. How they are run:
// fuzz/README.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/result.h"

namespace ncps::fuzzing {

using Target = void (*)(std::string_view input);

// Nullptr: there is none of that name.
Target find_target(std::string_view name);
std::vector<std::string_view> target_names();  // sorted

struct Registered {
  Registered(std::string_view name, Target target);
};

// Cuts `text` into pieces of 1 to 64 bytes, the same ones each time; some are empty. For what must not care how
// its input comes.
std::vector<std::string_view> pieces_of(std::string_view text, unsigned seed);

// Takes the first byte off `input`; 0 if there is none.
unsigned take_byte(std::string_view& input);

// Stands for a password in what is to be refused without repeating it.
inline constexpr std::string_view kSecret = "s3cr3t-Qx7";

// `input` with kSecret in the place of each '\x01'; without one the secret is put at the end.
std::string with_secret(std::string_view input);

}  // namespace ncps::fuzzing

#define FUZZ_TARGET(name)                                                          \
  static void fuzz_##name([[maybe_unused]] std::string_view input);                \
  static const ::ncps::fuzzing::Registered registered_##name(#name, &fuzz_##name); \
  static void fuzz_##name([[maybe_unused]] std::string_view input)
