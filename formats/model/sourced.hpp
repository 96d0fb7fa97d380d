#pragma once

#include <string>

namespace embedtool {

/// A value that was read or assumed about a model, and where it comes from, for people.
template <typename T>
struct Sourced {
  T value{};
  std::string why;
};

}  // namespace embedtool
