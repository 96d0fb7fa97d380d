#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {

/// Input violates its format. The message is a clause without the file's name or a remedy: parsers
/// throw it, and the reader that opened the file adds both with naming_damage().
class Damaged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Input may well be whole, but needs more memory than its reader may take. The message is a
/// clause, as Damaged's.
class TooLarge : public Damaged {
 public:
  using Damaged::Damaged;
};

/// Throws Damaged(what) unless the condition holds.
inline void require(bool condition, const char* what) {
  if (!condition) throw Damaged(what);
}

/// Returns what `read` returns. A Damaged that it throws becomes Error(code, "NAME: WHAT; REMEDY").
template <typename Read>
decltype(auto) naming_damage(const std::string& name, ExitCode code, std::string_view remedy,
                             Read&& read) {
  try {
    return std::forward<Read>(read)();
  } catch (const Damaged& damage) {
    throw Error(code, "{}: {}; {}", name, damage.what(), remedy);
  }
}

}  // namespace embedtool
