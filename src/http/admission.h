// Admission: what comes before a connection's session: who is there, and may he come in?
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>

#include "http/address_limit.h"
#include "http/caller.h"
#include "http/connection.h"

namespace ncps::http {

class SessionLoop;

struct Admitted {
  Caller caller;
  std::optional<AddressLimit::Place> place;  // held for as long as the connection lives
};

// Takes the PROXY header off a connection of those who send one, before TLS or HTTP begins. On the
// loop's thread. nullopt: the connection is not to be served; it has been told, where that helps.
boost::asio::awaitable<std::optional<Admitted>> admit(SessionLoop& loop,
                                                      Connection::Socket& socket);

// There are too many connections: 503. Waits for nothing: whoever is turned away must not cost more
// than that.
void turn_away(Connection::Socket& socket);

}  // namespace ncps::http
