#include "db/database_url.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::db {

FUZZ_TARGET(database_url) {
  auto text = fuzzing::with_secret(input);
  auto with_password = parse_database_url(text);
  if (!with_password) CHECK(!with_password.error().what().contains(fuzzing::kSecret));
  if (with_password && with_password->password.contains(fuzzing::kSecret) &&
      !with_password->host.contains(fuzzing::kSecret) &&
      !with_password->socket.string().contains(fuzzing::kSecret))
    CHECK(!where(*with_password).contains(fuzzing::kSecret));

  auto url = parse_database_url(input);
  if (!url) return;
  bool sqlite = url->kind == DatabaseKind::sqlite;
  CHECK(sqlite != url->sqlite_path.empty());
  if (sqlite) CHECK(url->host.empty() && url->password.empty() && url->options.empty());
  for (const auto& part : {url->host, url->user, url->password, url->database})
    CHECK(part.size() <= input.size());
}

}  // namespace ncps::db
