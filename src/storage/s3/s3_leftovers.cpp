#include "storage/s3/s3_leftovers.h"

#include "storage/s3/s3_xml.h"
#include "telemetry/log.h"

namespace ncps::s3 {
namespace {

using namespace std::chrono_literals;

constexpr int kMostPages = 1'000;  // of a thousand uploads each
constexpr auto kPageTime = 1min;

std::chrono::sys_seconds now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

Task<UploadPage> list_uploads(S3Client& client, UploadPage after) {
  S3Request request{.path = client.address().bucket_path(), .query = {{"uploads", ""}}};
  if (auto prefix = client.address().full_key(""); !prefix.empty())
    request.query.emplace_back("prefix", prefix);
  if (!after.next_key.empty()) request.query.emplace_back("key-marker", after.next_key);
  if (!after.next_upload_id.empty())
    request.query.emplace_back("upload-id-marker", after.next_upload_id);
  auto deadline = Deadline::after(kPageTime);
  CO_TRY(auto answer, co_await client.ask(std::move(request), deadline));
  if (!answer.good()) co_return std::unexpected(answer.why());
  CO_TRY(auto text, co_await S3Client::read_text(std::move(answer), kMaxXmlBytes, deadline));
  co_return parse_upload_page(text);
}

Task<void> abort_upload(S3Client& client, const ListedUpload& upload) {
  auto key = client.address().own_key(upload.key);
  S3Request request{.verb = fetch::Verb::del,
                    .path = client.address().object_path(key),
                    .query = {{"uploadId", upload.upload_id}}};
  CO_TRY(auto answer, co_await client.ask(std::move(request), Deadline::after(kPageTime)));
  if (!answer.good() && answer.meaning != Meaning::no_such_upload)
    co_return std::unexpected(answer.why());
  co_return Result<void>();
}

// Of others in the same bucket we know nothing.
bool is_leftover(const S3Client& client, const ListedUpload& upload,
                 std::chrono::sys_seconds before) {
  return client.address().own_key(upload.key).starts_with("store/") && upload.begun < before;
}

}  // namespace

Task<std::vector<std::string>> find_leftovers(S3Client& client, std::chrono::sys_seconds before,
                                              std::size_t most) {
  std::vector<std::string> keys;
  UploadPage page;
  for (int pages = 0; pages < kMostPages; ++pages) {
    CO_TRY(page, co_await list_uploads(client, std::move(page)));
    for (const auto& upload : page.uploads) {
      if (!is_leftover(client, upload, before)) continue;
      keys.emplace_back(client.address().own_key(upload.key));
      if (keys.size() == most) co_return keys;
    }
    if (page.next_key.empty()) break;
  }
  co_return keys;
}

boost::asio::awaitable<int> abort_leftovers(S3Client& client, std::chrono::sys_seconds before,
                                            const std::atomic<bool>& stopping) {
  int aborted = 0;
  UploadPage page;
  for (int pages = 0; pages < kMostPages && !stopping; ++pages) {
    auto next = co_await list_uploads(client, page);
    if (!next) {
      if (!stopping)
        log::warn("uploads that were left cannot be looked for", {{"error", next.error().what()}});
      break;
    }
    page = std::move(*next);
    for (const auto& upload : page.uploads) {
      if (stopping) break;
      if (!is_leftover(client, upload, before)) continue;
      auto done = co_await abort_upload(client, upload);
      if (done) ++aborted;
      if (!done && !stopping)
        log::warn("an upload that was left cannot be aborted",
                  {{"key", upload.key}, {"error", done.error().what()}});
    }
    if (page.next_key.empty()) break;
  }
  if (aborted > 0) log::info("aborted uploads that were left", {{"uploads", aborted}});
  co_return aborted;
}

boost::asio::awaitable<void> LeftoverLooks::run() {
  for (;;) {
    auto seen = stop_.version();
    if (stopping_) co_return;
    co_await abort_leftovers(client_, now() - kLeftAfter, stopping_);
    co_await stop_.wait_past(seen, Deadline::after(every_));
  }
}

void LeftoverLooks::stop() {
  stopping_ = true;
  stop_.notify();
}

}  // namespace ncps::s3
