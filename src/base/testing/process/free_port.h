// A port of 127.0.0.1 that nobody listens on now, below those that the kernel gives to outgoing
// connections: a server that is killed and started again finds it free. Throws if there is none.
#pragma once

namespace ncps::testing {

int free_port();

// Whether `port` is such a port now.
bool is_free_port(int port);

}  // namespace ncps::testing
