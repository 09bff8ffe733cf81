// Outside, for real: metadata services by HTTP without proxies, since they are on this machine or
// next to it; token files on the disk pool. Thread-safe.
#pragma once

#include <memory>

#include "fetch/http_client.h"
#include "rt/offload.h"
#include "storage/s3/credential_services.h"

namespace ncps::s3 {

// Both must outlive it. STS, which is far away, is asked through the environment's proxies.
std::unique_ptr<Outside> make_outside(fetch::HttpClient& http, Pool& disk);

}  // namespace ncps::s3
