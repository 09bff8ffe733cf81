// GET and HEAD of /<hash>.narinfo.
#pragma once

#include <atomic>

#include "cache/nar_info_service.h"
#include "cache/use_log.h"
#include "http/request.h"
#include "http/response.h"
#include "server/nar_info_memory.h"
#include "server/permissions.h"

namespace ncps::server {

class NarInfoRoutes {
 public:
  // `memory_lasts`: as of NarInfoMemory.
  NarInfoRoutes(cache::NarInfoService& narinfos, cache::UseLog& uses, std::size_t memory_bytes,
                const Permissions& permissions,
                std::optional<std::chrono::seconds> memory_lasts = {})
      : narinfos_(narinfos),
        uses_(uses),
        permissions_(permissions),
        memory_(memory_bytes, memory_lasts) {}

  // The answer if it is in memory: without waiting for anything.
  std::optional<http::Response> answer_from_memory(const http::Request& request,
                                                   const nix::StorePathHash& hash);

  boost::asio::awaitable<http::Response> answer(const http::Request& request,
                                                nix::StorePathHash hash, Side side = Side::root);

  // It is another now, or gone.
  void forget(const nix::StorePathHash& hash) { memory_.forget(hash); }

  // From now on answers are made anew.
  void forget_all() { memory_.forget_all(); }

 private:
  std::vector<http::Header> headers_for(const std::string& etag) const;
  void forget_what_is_in_doubt();

  cache::NarInfoService& narinfos_;
  cache::UseLog& uses_;
  const Permissions& permissions_;
  NarInfoMemory memory_;
  std::atomic<std::uint64_t> doubts_seen_ = 0;
  std::atomic<std::int64_t> forgotten_at_ = 0;  // seconds of the steady clock
};

}  // namespace ncps::server
