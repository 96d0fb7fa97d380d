#pragma once

#include <string>

namespace embedtool {

/// What was read or assumed of a model, and where it comes from, for people.
template <typename T>
struct Sourced {
  T value{};
  std::string why;
};

}  // namespace embedtool
