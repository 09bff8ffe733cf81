#include "storage/s3/s3_address.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::s3 {

FUZZ_TARGET(s3_address) {
  auto style = fuzzing::take_byte(input) % 2 == 1 ? ForcePathStyle::yes : ForcePathStyle::no;
  auto line = input.substr(0, input.find('\n'));
  auto rest = input.substr(std::min(line.size() + 1, input.size()));
  AddressOptions options{.bucket = "my-bucket",
                         .endpoint = std::string(line),
                         .region = {},
                         .force_path_style = style,
                         .key_prefix = std::string(rest)};
  if (auto address = Address::parse(options)) {
    CHECK(address->origin().find_first_of(" \r\n@") == std::string::npos);
    CHECK(!address->region().empty() && address->origin().ends_with(address->host()));
    CHECK(address->own_key(address->full_key("a/b")) == "a/b");
    CHECK(address->object_path("a/b").starts_with('/') &&
          address->object_path("a/b").ends_with("a/b"));
    CHECK(address->object_path("a/b").starts_with(address->bucket_path()));
  }
  options.endpoint = "https://user:" + fuzzing::with_secret(line) + "@host.example";
  auto refused = Address::parse(options);
  if (!refused) CHECK(!refused.error().what().contains(fuzzing::kSecret));
  if (refused) CHECK(!refused->name().contains(fuzzing::kSecret));
}

}  // namespace ncps::s3
