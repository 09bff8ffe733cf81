#include "crypto/sha256.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "crypto/encoding.h"

namespace ncps::crypto {
namespace {

struct Vector {
  std::string message;
  const char* hex;
};

TEST(Sha256, AgreesWithFips180) {
  const Vector vectors[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1000000, 'a'),
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
  };
  for (const auto& [message, hex] : vectors) EXPECT_EQ(to_hex(sha256(message)), hex);
}

TEST(Sha256, DoesNotDependOnHowTheBytesArrive) {
  std::string message;
  for (int i = 0; i < 300; ++i) message.push_back(static_cast<char>(i * 7));
  for (std::size_t step = 1; step <= message.size(); ++step) {
    Sha256 hasher;
    for (std::size_t at = 0; at < message.size(); at += step) {
      hasher.update(std::string_view(message).substr(at, step));
    }
    ASSERT_EQ(hasher.finish(), sha256(message)) << "in pieces of " << step;
  }
}

TEST(Sha256, KeepsItsStateWhenMoved) {
  Sha256 first;
  first.update("ab");
  Sha256 second = std::move(first);
  second.update("c");
  EXPECT_EQ(second.finish(), sha256("abc"));
}

}  // namespace
}  // namespace ncps::crypto
