#pragma once

#include <span>
#include <string>

#include "core/model/spec.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// One model family: how to recognise its configuration and how to read a ModelSpec from it.
/// A new family is one file arch_NAME.cpp that defines these functions and one line in the table
/// in arch.cpp.
struct Architecture {
  const char* family;
  bool (*recognizes)(const ConfigSource& config);
  ModelSpec (*describe)(const ConfigSource& config);
};

/// All families, in the order in which they are asked.
std::span<const Architecture> architectures();

/// The spec of the first family that recognises `config`; `where` names the configuration in
/// messages. Throws Error(ExitCode::model), listing the supported families, when none does, and
/// when a size is missing or senseless.
ModelSpec describe_model(const ConfigSource& config, const std::string& where);

}  // namespace embedtool
