#include "storage/s3/credential_texts.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::s3 {
namespace {

template <class Parsed>
void check_message(const Parsed& parsed) {
  if (!parsed) CHECK(!parsed.error().what().contains(fuzzing::kSecret));
}

void check_whole(const Credentials& credentials) {
  CHECK(!credentials.access_key.empty() && !credentials.secret_key.empty());
}

}  // namespace

FUZZ_TARGET(credential_texts) {
  auto text = fuzzing::with_secret(input);
  auto shared = parse_shared_file(text, "default");
  check_message(shared);
  if (shared && *shared) check_whole(**shared);
  auto identity = parse_web_identity(text);
  check_message(identity);
  if (identity) check_whole(*identity);
  auto metadata = parse_metadata(text);
  check_message(metadata);
  if (metadata) check_whole(*metadata);
}

}  // namespace ncps::s3
