// Writes a head and the bytes of a SureSource to a connection: the way of a file at rest.
//
// Such a body neither waits nor has anything to say at its end, so the head leaves together with its
// first bytes, and nothing is kept back (source_writer.h is for all others).
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <string_view>

#include "http/connection.h"
#include "rt/sure_source.h"

namespace ncps::http {

// Once, with the `length` that `head` announces. False: the response is not complete and the connection must
// be aborted; the reason is logged with `target` if it is not the client's. Adds the body bytes to
// `sent` as they go.
boost::asio::awaitable<bool> write_sure(Connection& connection, std::string_view head,
                                        std::uint64_t length, SureSource& source,
                                        std::string_view target, std::uint64_t& sent);

}  // namespace ncps::http
