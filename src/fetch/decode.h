// Whether a Content-Encoding is undone on the way.
#pragma once

namespace ncps::fetch {

// yes: ask for gzip, br or zstd, and undo it; from a position other than 0 nothing is asked for,
// because positions are those of the decoded file. Whether the encoding came to its own end is not
// checked: that is for whoever knows what the bytes must be.
enum class Decode : bool { no, yes };

}  // namespace ncps::fetch
