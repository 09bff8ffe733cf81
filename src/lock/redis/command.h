// Command: the words that are sent to a Redis server, any bytes, and how they look on the wire.
#pragma once

#include <string>
#include <vector>

namespace ncps::redis {

using Command = std::vector<std::string>;

// REQUIRES: at least one word.
std::string to_wire(const Command& command);

}  // namespace ncps::redis
