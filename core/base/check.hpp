#pragma once

// EMBEDTOOL_CHECK(condition): states a precondition in the code that relies on it. A failure is a
// bug of the caller within this program, never a property of its input: what comes from outside is
// checked in every build and reported as an Error.
//
// Debug and sanitizer builds evaluate the condition, and a failure prints it with its place and
// aborts. Release builds only compile it.

namespace embedtool {

/// Prints "FILE:LINE: check failed: CONDITION" to standard error and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* condition) noexcept;

}  // namespace embedtool

#ifdef EMBEDTOOL_CHECKS
#define EMBEDTOOL_CHECK(condition) \
  ((condition) ? void(0) : ::embedtool::check_failed(__FILE__, __LINE__, #condition))
#else
#define EMBEDTOOL_CHECK(condition) static_cast<void>(sizeof((condition) ? 1 : 0))
#endif
