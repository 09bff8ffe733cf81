#include "storage/s3/s3_xml.h"

#include "fuzzing/fuzz_target.h"

namespace ncps::s3 {

FUZZ_TARGET(s3_xml) {
  auto error = parse_error(input);
  CHECK(error.message.size() <= 300);
  for (char c : error.message) CHECK(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  if (auto page = parse_object_page(input)) {
    // No entity makes more of a document than there is in it.
    std::size_t bytes = page->next.size();
    for (const auto& object : page->objects) bytes += object.key.size();
    CHECK(bytes <= input.size());
  }
  if (auto page = parse_upload_page(input)) {
    std::size_t bytes = page->next_key.size() + page->next_upload_id.size();
    for (const auto& upload : page->uploads) {
      CHECK(!upload.upload_id.empty());
      bytes += upload.key.size() + upload.upload_id.size();
    }
    CHECK(bytes <= input.size());
  }
  if (auto id = parse_upload_id(input)) CHECK(!id->empty() && id->size() <= input.size());
  if (auto done = parse_completion(input)) CHECK(done->etag.size() <= input.size());
  // What we print reads as XML, whatever an ETag holds.
  std::vector<Part> parts{{.number = 1, .etag = std::string(input)}};
  CHECK(print_completion(parts).size() <= 6 * input.size() + 512);
}

}  // namespace ncps::s3
