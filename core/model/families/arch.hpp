#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  /// Classes, separated by spaces, of code that models of this family bring along (`auto_map`) and
  /// that computes what `describe` says. Any other is refused.
  std::string_view own_classes = "";
};

/// All families, in the order in which they are asked.
std::span<const Architecture> architectures();

/// The spec of the first family that recognises `config`; `where` names the configuration in
/// messages. Every key is accounted for (config_keys.hpp); keys that nobody knows are added to
/// `notes`. Throws Error(ExitCode::model) naming `where`: listing the supported families when none
/// recognises it, when a size is missing or senseless, and when a key or code of the model's own
/// asks for something that is not computed.
ModelSpec describe_model(const ConfigSource& config, const std::string& where,
                         std::vector<std::string>& notes);

}  // namespace embedtool
