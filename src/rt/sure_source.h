// SureSource: a ByteSource of which nothing is found out on the way: what it gives was complete and right before.
//
// A file at rest is one. Who sends it need not wait with the last byte for what the end will say. (A type, and not a
// question that every ByteSource answers: whoever wraps one must not inherit the promise unawares.)
#pragma once

#include "rt/byte_source.h"

namespace ncps {

// REQUIRES: next() gives no Error after its last byte.
class SureSource : public ByteSource {};

}  // namespace ncps
