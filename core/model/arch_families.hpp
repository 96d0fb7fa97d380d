#pragma once

// What each arch_*.cpp offers to the table in arch.cpp.

#include <cstddef>

#include "core/model/spec.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// A size that a configuration must have; throws Error(ExitCode::model) naming the key.
std::size_t required_size(const ConfigSource& config, const char* key);

bool is_bert(const ConfigSource& config);
ModelSpec describe_bert(const ConfigSource& config);

bool is_distilbert(const ConfigSource& config);
ModelSpec describe_distilbert(const ConfigSource& config);

bool is_roberta(const ConfigSource& config);
ModelSpec describe_roberta(const ConfigSource& config);

}  // namespace embedtool
