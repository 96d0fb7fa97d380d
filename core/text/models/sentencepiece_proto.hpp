#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace embedtool {

/// What we must know about a serialized sentencepiece model in addition to what its library
/// reports.
struct SentencePieceFacts {
  std::string_view algorithm = "unigram";  ///< unigram, bpe, word or char
  std::vector<std::string_view> pieces;    ///< all of them by number; they view the model's bytes
  std::string fault;  ///< why it must not be passed to the library; empty if fine
};

/// Reads the model's protocol buffer, trusting nothing in it.
SentencePieceFacts inspect_sentencepiece(std::span<const std::byte> model);

}  // namespace embedtool
