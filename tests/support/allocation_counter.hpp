#pragma once

#include <cstddef>

namespace embedtool::testing {

/// Calls of operator new so far, of all threads: it is replaced in every test program.
std::size_t allocations();

/// Lets the k-th call from now (0 = the next one) throw std::bad_alloc, once.
void fail_allocation(long k);
/// False while that call has not come yet.
bool allocation_has_failed();

}  // namespace embedtool::testing
