#include "storage/s3/s3_start.h"

#include "storage/s3/s3_xml.h"

namespace ncps::s3 {

Task<void> check_bucket(S3Client& client, Deadline deadline) {
  S3Request request{.path = client.address().bucket_path(),
                    .query = {{"list-type", "2"}, {"max-keys", "1"}}};
  if (auto prefix = client.address().full_key(""); !prefix.empty())
    request.query.emplace_back("prefix", prefix);
  CO_TRY(auto answer, co_await client.ask(std::move(request), deadline));
  if (!answer.good()) co_return std::unexpected(answer.why());
  CO_TRY(auto text, co_await S3Client::read_text(std::move(answer), kMaxXmlBytes, deadline));
  CO_TRY(parse_object_page(text));  // or it is no S3 server
  co_return Result<void>();
}

}  // namespace ncps::s3
