#pragma once

#include <string>
#include <string_view>

#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

/// What a tokenizer.json says. Throws Error(model), headed by `where`, for what is malformed and
/// for components not known.
TokenizerSpec read_tokenizer_json(std::string_view text, const std::string& where);

}  // namespace embedtool
