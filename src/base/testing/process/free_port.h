// A port of 127.0.0.1 that nobody listens on now. Throws if there is none.
#pragma once

namespace ncps::testing {

int free_port();

}  // namespace ncps::testing
