#include "core/math/activation.hpp"

#include <algorithm>
#include <cctype>

namespace embedtool {

Activation parse_activation(const std::string& name, const std::string& where) {
  std::string key = name.substr(name.rfind('.') + 1);  // npos + 1 = 0: the whole name
  std::transform(key.begin(), key.end(), key.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (const auto found = find_named<Activation>(key)) return *found;
  throw Error(ExitCode::model, "{}: unknown activation \"{}\" (known: {})", where, name,
              word_list<Activation>());
}

}  // namespace embedtool
