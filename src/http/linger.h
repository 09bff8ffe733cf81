// The end of a connection whose client may still be sending.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "http/connection.h"

namespace ncps::http {

// Ends what we send, and reads on for a while (2 s, 1 MiB): closing while a client still sends would
// take from it the answer that it has not read yet. Somebody calls check_deadline() meanwhile.
boost::asio::awaitable<void> linger(Connection& connection);

}  // namespace ncps::http
