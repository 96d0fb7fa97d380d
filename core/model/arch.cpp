#include "core/model/arch.hpp"

namespace embedtool {}
