#include "storage/s3/s3_xml.h"

#include <fmt/format.h>

#include <charconv>
#include <pugixml.hpp>

#include "storage/s3/iso_time.h"

namespace ncps::s3 {
namespace {

constexpr std::size_t kMaxMessage = 300;

std::unexpected<Error> not_that(std::string_view what) {
  return fail(ErrorKind::unavailable, fmt::format("the S3 server's answer is no {}", what));
}

// Loads `body` if its first element is `root`. pugixml ignores document types, so that no entity
// but XML's own is ever expanded.
bool load(std::string_view body, const char* root, pugi::xml_document& document) {
  if (body.empty() || body.size() > kMaxXmlBytes) return false;
  auto read = document.load_buffer(body.data(), body.size(), pugi::parse_default);
  return read && std::string_view(document.document_element().name()) == root;
}

std::string text(pugi::xml_node node, const char* child) {
  return node.child(child).child_value();
}

// What a server says may be shown, but must not forge lines of a log.
std::string printable(std::string line) {
  if (line.size() > kMaxMessage) line.resize(kMaxMessage);
  for (auto& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return line;
}

ErrorDocument error_of(pugi::xml_node error) {
  return {printable(text(error, "Code")), printable(text(error, "Message")),
          printable(text(error, "RequestId")), printable(text(error, "Region"))};
}

std::string escaped(std::string_view raw) {
  std::string out;
  for (char c : raw) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::optional<std::uint64_t> number(const std::string& digits) {
  std::uint64_t value = 0;
  auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (ec != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

// Whether there is another page. Absent: the document does not say.
std::optional<bool> truncated(pugi::xml_node page) {
  auto said = text(page, "IsTruncated");
  if (said == "true") return true;
  if (said == "false") return false;
  return std::nullopt;
}

}  // namespace

ErrorDocument parse_error(std::string_view body) {
  pugi::xml_document document;
  if (load(body, "Error", document)) return error_of(document.document_element());
  // STS, and servers that word theirs like it
  if (load(body, "ErrorResponse", document)) {
    auto root = document.document_element();
    auto out = error_of(root.child("Error"));
    out.request_id = printable(text(root, "RequestId"));
    return out;
  }
  return {};
}

Result<ObjectPage> parse_object_page(std::string_view body) {
  constexpr std::string_view kWhat = "list of objects";
  pugi::xml_document document;
  if (!load(body, "ListBucketResult", document)) return not_that(kWhat);
  auto root = document.document_element();
  ObjectPage page;
  for (auto node : root.children("Contents")) {
    auto size = number(text(node, "Size"));
    ListedObject object{
        .key = text(node, "Key"),
        .size = size.value_or(0),
        .modified =
            parse_iso_time(text(node, "LastModified")).value_or(std::chrono::sys_seconds())};
    if (object.key.empty() || !size) return not_that(kWhat);
    page.objects.push_back(std::move(object));
  }
  auto more = truncated(root);
  if (!more) return not_that(kWhat);
  if (*more) {
    page.next = text(root, "NextContinuationToken");
    if (page.next.empty()) return not_that(kWhat);  // or we would take a part for the whole
  }
  return page;
}

Result<UploadPage> parse_upload_page(std::string_view body) {
  constexpr std::string_view kWhat = "list of uploads";
  pugi::xml_document document;
  if (!load(body, "ListMultipartUploadsResult", document)) return not_that(kWhat);
  auto root = document.document_element();
  UploadPage page;
  for (auto node : root.children("Upload")) {
    auto begun = parse_iso_time(text(node, "Initiated"));
    if (!begun) return not_that(kWhat);
    ListedUpload upload{text(node, "Key"), text(node, "UploadId"), *begun};
    if (upload.key.empty() || upload.upload_id.empty()) return not_that(kWhat);
    page.uploads.push_back(std::move(upload));
  }
  auto more = truncated(root);
  if (!more) return not_that(kWhat);
  if (*more) {
    page.next_key = text(root, "NextKeyMarker");
    page.next_upload_id = text(root, "NextUploadIdMarker");
    if (page.next_key.empty()) return not_that(kWhat);
  }
  return page;
}

Result<std::string> parse_upload_id(std::string_view body) {
  pugi::xml_document document;
  if (!load(body, "InitiateMultipartUploadResult", document)) return not_that("begun upload");
  auto id = text(document.document_element(), "UploadId");
  if (id.empty()) return not_that("begun upload");
  return id;
}

Result<Completion> parse_completion(std::string_view body) {
  pugi::xml_document document;
  if (load(body, "CompleteMultipartUploadResult", document))
    return Completion{text(document.document_element(), "ETag"), {}};
  if (auto error = parse_error(body); !error.code.empty()) return Completion{"", std::move(error)};
  return not_that("completed upload");
}

std::string print_completion(std::span<const Part> parts) {
  std::string out = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">";
  for (const auto& [part_number, etag] : parts)
    out += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", part_number,
                       escaped(etag));
  return out + "</CompleteMultipartUpload>";
}

}  // namespace ncps::s3
