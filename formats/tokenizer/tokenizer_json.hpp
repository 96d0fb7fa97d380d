#pragma once

#include <string>
#include <string_view>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// The contents of a tokenizer.json. Throws Error(model), prefixed with `where`, for malformed text
/// and for unknown components.
TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& where);

}  // namespace embedtool
