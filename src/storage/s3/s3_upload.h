// S3Upload: a growing file on its way to a bucket, part by part while it still arrives.
//
// Nothing is sent before there is a whole part (part_plan.h); what is never longer than that goes
// in a single PUT. Up to 3 parts are under way at once, each read from the file as it is sent, so
// that memory does not depend on the size. Nothing is visible before finish() has succeeded.
// Thread-safe, but for one writer.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/guarded.h"
#include "rt/runtime.h"
#include "rt/signal.h"
#include "rt/task_group.h"
#include "storage/s3/s3_client.h"

namespace ncps::s3 {

// What all uploads of a store share. Must outlive them, and `group` must be joined before it goes.
struct UploadDeps {
  S3Client& client;
  Runtime& runtime;
  TaskGroup& group;
  std::string storage_class;  // empty: the bucket's own
};

// Kept alive by its own workers: whoever starts it gives it up or finishes it.
class S3Upload : public std::enable_shared_from_this<S3Upload> {
 public:
  S3Upload(const UploadDeps& deps, std::string path, std::shared_ptr<const UniqueFd> file)
      : deps_(deps), path_(std::move(path)), file_(std::move(file)) {}

  // The file has so many bytes, which will not change.
  void grown(std::uint64_t size);

  // All that grown() told becomes the object. At most once. Errors: unavailable; then nothing is
  // left of it but by accident: what cannot be aborted is found later (s3_leftovers.h).
  Task<void> finish();

  // It will not be finished: what has been sent is removed, behind the scenes. Afterwards nothing
  // else may be called.
  void give_up();

 private:
  enum class Stage : std::uint8_t { unbegun, beginning, begun };
  struct Piece {
    int number;
    std::uint64_t offset, length;
  };
  struct State {
    std::uint64_t size = 0, taken = 0;  // bytes there are; bytes that are under way or sent
    int parts = 0;                      // taken
    int workers = 0;
    bool all = false;  // the file will not grow any more
    Stage stage = Stage::unbegun;
    std::string upload_id;
    std::map<int, std::string> etags;
    std::optional<Error> failure;  // the first one: no part is taken any more
  };

  static bool ready(const State& state);  // for another worker
  void hire();
  void one_is_lost();  // a worker, by an exception
  static boost::asio::awaitable<void> run(std::shared_ptr<S3Upload> self);  // a worker
  static boost::asio::awaitable<void> clean_up(std::shared_ptr<S3Upload> self);
  boost::asio::awaitable<void> work();
  std::optional<Piece> take();  // absent: this worker has left
  Task<void> begin();
  Task<std::string> put_part(Piece piece, const std::string& upload_id);
  Task<void> put_whole(std::uint64_t size);
  Task<void> wait_for_parts();
  Task<void> complete();
  Task<void> check_completed(std::uint64_t size);
  boost::asio::awaitable<void> abort();
  void fail_with(Error error);

  const UploadDeps& deps_;
  const std::string path_;
  const std::shared_ptr<const UniqueFd> file_;
  Guarded<State> state_;
  Signal changed_;
};

}  // namespace ncps::s3
