#include "storage/s3/s3_list.h"

#include "storage/s3/s3_xml.h"

namespace ncps::s3 {
namespace {

using storage::BlobEntry;
using storage::BlobKey;
using storage::BlobStore;

// The next objects whose keys begin with `prefix` and come after `after`, both with our prefix.
Task<ObjectPage> next_page(S3Client& client, const std::string& prefix, const std::string& after,
                           Deadline deadline) {
  S3Request request{.path = client.address().bucket_path(),
                    .query = {{"list-type", "2"},
                              {"max-keys", std::to_string(BlobStore::kListed)},
                              {"prefix", prefix}}};
  if (!after.empty()) request.query.emplace_back("start-after", after);
  CO_TRY(auto answer, co_await client.ask(std::move(request), deadline));
  if (!answer.good()) co_return std::unexpected(answer.why());
  CO_TRY(auto text, co_await S3Client::read_text(std::move(answer), kMaxXmlBytes, deadline));
  co_return parse_object_page(text);
}

}  // namespace

Task<std::vector<BlobEntry>> list_objects(S3Client& client, std::string folder, std::string after,
                                          Deadline deadline) {
  const auto& address = client.address();
  auto prefix = address.full_key(folder + "/");
  auto last = after.empty() ? "" : address.full_key(after);
  std::vector<BlobEntry> found;
  for (;;) {
    CO_TRY(auto page, co_await next_page(client, prefix, last, deadline));
    for (auto& object : page.objects) {
      auto key = BlobKey::parse(address.own_key(object.key));
      if (key)
        found.push_back({.key = std::move(*key), .size = object.size, .modified = object.modified});
      last = std::move(object.key);
    }
    // A page of nothing but others' objects is not the end.
    if (!found.empty() || page.next.empty()) co_return std::move(found);
  }
}

}  // namespace ncps::s3
