#pragma once

#include <memory>
#include <string>

#include "core/text/pre_tokenizer.hpp"

namespace embedtool {

// The makers of components that cut a text by what they find in it.

std::unique_ptr<PreTokenizerPart> make_byte_level(const ByteLevelSpec& spec);
std::unique_ptr<PreTokenizerPart> make_pattern_split(const SplitSpec& spec,
                                                     const std::string& where);
std::unique_ptr<PreTokenizerPart> make_character_split(const WhitespaceSplitSpec& spec);
std::unique_ptr<PreTokenizerPart> make_character_split(const WhitespaceSpec& spec);
std::unique_ptr<PreTokenizerPart> make_character_split(const PunctuationSpec& spec);
std::unique_ptr<PreTokenizerPart> make_character_split(const DigitsSpec& spec);
std::unique_ptr<PreTokenizerPart> make_character_split(const DelimiterSpec& spec);

}  // namespace embedtool
