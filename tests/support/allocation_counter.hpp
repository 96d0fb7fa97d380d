#pragma once

#include <cstddef>

namespace embedtool::testing_support {

/// Calls of operator new so far, of all threads: it is replaced in every test program.
std::size_t allocations();

}  // namespace embedtool::testing_support
