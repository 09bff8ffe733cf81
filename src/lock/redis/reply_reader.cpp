#include "lock/redis/reply_reader.h"

#include <hiredis/hiredis.h>

#include <new>

namespace ncps::redis {
namespace {

// hiredis calls these to build our values instead of its own: so that none of its allocations is
// ours to free, and an array of a billion items is refused before there is memory for it. An array
// has its items from the beginning; each is filled where it lies. nullptr: "out of memory".

Reply* place_of(const redisReadTask* task) {
  if (task->parent == nullptr) return new (std::nothrow) Reply;
  auto& parent = *static_cast<Reply*>(task->parent->obj);
  auto index = static_cast<std::size_t>(task->idx);
  return index < parent.items.size() ? &parent.items[index] : nullptr;
}

Reply::Type type_of(int type) {
  switch (type) {
    case REDIS_REPLY_STATUS: return Reply::Type::status;
    case REDIS_REPLY_ERROR: return Reply::Type::error;
    default: return Reply::Type::text;
  }
}

// Exceptions must not go through a C library; `fill` may throw bad_alloc.
template <class Fill>
void* make(const redisReadTask* task, Fill fill) noexcept {
  Reply* reply = nullptr;
  try {
    reply = place_of(task);
    if (reply != nullptr && fill(*reply)) return reply;
  } catch (...) {  // NOLINT(bugprone-empty-catch): as below
  }
  if (task->parent == nullptr) delete reply;
  return nullptr;
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) {
  return make(task, [&](Reply& reply) {
    reply.type = type_of(task->type);
    reply.text.assign(text, size);
    return true;
  });
}

void* create_array(const redisReadTask* task, int elements) {
  return make(task, [&](Reply& reply) {
    auto& items = *static_cast<std::size_t*>(task->privdata);
    auto number = static_cast<std::size_t>(elements);
    if (elements < 0 || number > ReplyReader::kMostItems - items) return false;
    items += number;
    reply.type = Reply::Type::array;
    reply.items.resize(number);
    return true;
  });
}

void* create_integer(const redisReadTask* task, long long value) {
  return make(task, [&](Reply& reply) {
    reply.type = Reply::Type::integer;
    reply.integer = value;
    return true;
  });
}

void* create_nil(const redisReadTask* task) {
  return make(task, [](Reply&) { return true; });
}

void free_reply(void* reply) {
  delete static_cast<Reply*>(reply);
}

redisReplyObjectFunctions functions = {create_string, create_array, create_integer, create_nil,
                                       free_reply};

}  // namespace

void ReplyReader::Free::operator()(redisReader* reader) const noexcept {
  redisReaderFree(reader);
}

ReplyReader::ReplyReader() : reader_(redisReaderCreateWithFunctions(&functions)) {
  if (!reader_) throw std::bad_alloc();
  reader_->privdata = &items_;
}

ReplyReader::~ReplyReader() = default;

Result<void> ReplyReader::feed(std::string_view bytes) {
  // What lies before `pos` belongs to replies that are done.
  if (reader_->len - reader_->pos + bytes.size() > kMostBytes)
    return fail(ErrorKind::unavailable, "an answer is larger than 1 MiB");
  if (redisReaderFeed(reader_.get(), bytes.data(), bytes.size()) != REDIS_OK)
    return fail(ErrorKind::unavailable, "an answer cannot be read: " + printable(reader_->errstr));
  return {};
}

Result<std::optional<Reply>> ReplyReader::next() {
  void* made = nullptr;
  if (redisReaderGetReply(reader_.get(), &made) != REDIS_OK)
    return fail(ErrorKind::unavailable,
                "what it answers is not the Redis protocol: " + printable(reader_->errstr));
  if (made == nullptr) return std::nullopt;
  std::unique_ptr<Reply> reply(static_cast<Reply*>(made));
  items_ = 0;
  return std::move(*reply);
}

bool ReplyReader::has_rest() const noexcept {
  return reader_->pos != reader_->len;
}

}  // namespace ncps::redis
