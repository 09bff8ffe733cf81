// Task<T>: what every function returns that may wait.
//
// A Task does nothing until it is awaited or spawned. Its arguments must outlive it: take values,
// or references to objects that the awaiting caller owns. The traps are in docs/coroutines.md.
#pragma once

#include <boost/asio/awaitable.hpp>

#include "base/result.h"

namespace ncps {

template <class T>
using Task = boost::asio::awaitable<Result<T>>;

}  // namespace ncps
