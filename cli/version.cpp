// The version string that the build passes in.
#include "cli/version.hpp"

namespace embedtool {

const char* version_string() {
  return EMBEDTOOL_VERSION;
}
const char* build_type() {
  return EMBEDTOOL_BUILD_TYPE;
}

}  // namespace embedtool
