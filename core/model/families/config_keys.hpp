#pragma once

#include <span>

#include "core/config_audit.hpp"

namespace embedtool {

/// The keys of config.json that no family reads: those that change no vector, and those that do
/// unless they have their usual value. What a family reads is not looked up here.
std::span<const KeyRule> config_keys();

}  // namespace embedtool
