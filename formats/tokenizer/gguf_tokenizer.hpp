#pragma once

#include <string>

#include "core/text/tokenizer_spec.hpp"
#include "formats/weights/gguf.hpp"

namespace embedtool {

/// The tokenizer that a GGUF file's `tokenizer.ggml.*` keys describe, made to give the ids of the
/// original: WordPiece ("bert"), Unigram ("t5"), sentencepiece's BPE ("llama") and byte-level BPE
/// ("gpt2", of the known `tokenizer.ggml.pre`). `where` names the file. Throws
/// Error(ExitCode::model) for others and for keys that do not fit each other.
TokenizerSpec read_gguf_tokenizer(const GgufFile& file, const std::string& where);

}  // namespace embedtool
