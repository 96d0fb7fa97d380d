#pragma once

#include <cstddef>

#include "core/data.hpp"

namespace embedtool {

/// Appends record `index` of `from`, with all that belongs to it, to `to`. Both have the same
/// number of kept fields.
void copy_record(const DocumentBlock& from, std::size_t index, DocumentBlock& to);

}  // namespace embedtool
