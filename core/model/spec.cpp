#include "core/model/spec.hpp"

namespace embedtool {

std::string layer_name(const std::string& pattern, std::size_t layer) {
  const std::size_t at = pattern.find("{}");
  if (at == std::string::npos) return pattern;
  return pattern.substr(0, at) + std::to_string(layer) + pattern.substr(at + 2);
}

}  // namespace embedtool
