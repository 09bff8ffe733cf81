#include "cache/file_source.h"

#include <algorithm>
#include <utility>

#include "cache/feed.h"

namespace ncps::cache {
namespace {

class UpstreamFile final : public FileSource {
 public:
  explicit UpstreamFile(NarSource source) : source_(std::move(source)) {}

  const std::string& name() const noexcept override { return source_.upstream->name(); }
  const std::string& edition() const noexcept override { return edition_; }
  Task<std::optional<upstream::FileBody>> open(std::uint64_t first_byte, fetch::Decode decode,
                                               Deadline deadline) override {
    co_return co_await source_.upstream->open_file(source_.url, first_byte, decode, deadline);
  }

 private:
  NarSource source_;
  std::string edition_;
};

class PeerFile final : public FileSource {
 public:
  PeerFile(peer::PeerReader& peers, peer::PeerAt at, nix::NarUrl url)
      : peers_(peers),
        at_(std::move(at)),
        url_(std::move(url)),
        name_("instance " + at_.url),
        edition_(at_.url + " " + std::to_string(at_.fence)) {}

  const std::string& name() const noexcept override { return name_; }
  const std::string& edition() const noexcept override { return edition_; }
  Task<std::optional<upstream::FileBody>> open(std::uint64_t first_byte, fetch::Decode,
                                               Deadline deadline) override {
    co_return co_await peers_.open(at_, url_, first_byte, deadline);
  }

 private:
  peer::PeerReader& peers_;
  const peer::PeerAt at_;
  const nix::NarUrl url_;
  const std::string name_, edition_;
};

// What cannot be read there may be had elsewhere: so it is as if an upstream had failed.
Error elsewhere(const Error& error) {
  return Error(ErrorKind::upstream, error.what());
}

class StoreBody final : public ByteSource {
 public:
  StoreBody(std::unique_ptr<storage::Blob> blob, std::uint64_t first, Pool& disk)
      : blob_(std::move(blob)), source_(blob_->read(first, blob_->size() - first)), disk_(disk) {}

  Task<Piece> next() override {
    if (piece_size(piece_) == done_) {
      auto piece = co_await source_->next();
      if (!piece) co_return std::unexpected(elsewhere(piece.error()));
      piece_ = *piece;
      done_ = 0;
    }
    if (std::holds_alternative<std::string_view>(piece_)) {
      done_ = piece_size(piece_);
      co_return piece_;
    }
    constexpr std::uint64_t kStretch = 256 << 10;
    auto length = std::min(piece_size(piece_) - done_, kStretch);
    buffer_.clear();
    auto sink = [&](std::string_view bytes) -> Result<void> {
      buffer_ += bytes;
      return {};
    };
    auto read = co_await feed_piece(piece_, done_, length, disk_, sink);
    if (!read) co_return std::unexpected(elsewhere(read.error()));
    done_ += length;
    co_return Piece(std::string_view(buffer_));
  }

 private:
  std::unique_ptr<storage::Blob> blob_;
  std::unique_ptr<ByteSource> source_;
  Pool& disk_;
  Piece piece_;
  std::uint64_t done_ = 0;
  std::string buffer_;
};

class StoreFile final : public FileSource {
 public:
  StoreFile(storage::BlobStore& store, storage::BlobKey key, Pool& disk)
      : store_(store), key_(std::move(key)), disk_(disk) {}

  const std::string& name() const noexcept override { return name_; }
  const std::string& edition() const noexcept override { return name_; }
  Task<std::optional<upstream::FileBody>> open(std::uint64_t first_byte, fetch::Decode,
                                               Deadline) override {
    auto blob = co_await store_.open(key_);
    if (!blob) co_return std::unexpected(elsewhere(blob.error()));
    if (!*blob) co_return std::nullopt;
    auto total = (*blob)->size();
    if (first_byte > total) co_return fail(ErrorKind::upstream, "what is at rest is shorter");
    co_return upstream::FileBody{
        .first_byte = first_byte,
        .total = total,
        .bytes = std::make_unique<StoreBody>(std::move(*blob), first_byte, disk_)};
  }

 private:
  storage::BlobStore& store_;
  const storage::BlobKey key_;
  Pool& disk_;
  const std::string name_ = "the store";
};

}  // namespace

FileSources upstream_files(const std::vector<NarSource>& sources) {
  FileSources files;
  for (const auto& source : sources) files.push_back(std::make_shared<UpstreamFile>(source));
  return files;
}

std::shared_ptr<FileSource> peer_file(peer::PeerReader& peers, peer::PeerAt at, nix::NarUrl url) {
  return std::make_shared<PeerFile>(peers, std::move(at), std::move(url));
}

std::shared_ptr<FileSource> store_file(storage::BlobStore& store, storage::BlobKey key,
                                       Pool& disk) {
  return std::make_shared<StoreFile>(store, std::move(key), disk);
}

}  // namespace ncps::cache
