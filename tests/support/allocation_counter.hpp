#pragma once

#include <cstddef>

namespace embedtool::testing {

/// Calls of operator new so far, of all threads: it is replaced in every test program.
std::size_t allocations();

/// Bytes that these calls asked for, and how many of the calls asked for an alignment, as the
/// program's own buffers do and libraries do not.
std::size_t allocated_bytes();
std::size_t aligned_allocations();

/// Lets the k-th call from now (0 = the next one) throw std::bad_alloc, once.
void fail_allocation(long k);
/// False while that call has not come yet.
bool allocation_has_failed();

}  // namespace embedtool::testing
