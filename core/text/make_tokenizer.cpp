#include <utility>

#include "core/base/error.hpp"
#include "core/text/pipeline_tokenizer.hpp"
#include "core/text/sentencepiece_tokenizer.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool {

std::unique_ptr<Tokenizer> make_tokenizer(TokenizerSpec spec, const std::string& where) {
  if (std::holds_alternative<SentencePieceSpec>(spec.model)) {
    if (spec.normalizer.index() != 0 || spec.pre_tokenizer.index() != 0) {
      throw Error(ExitCode::model,
                  "{}: a sentencepiece model brings its own normalizer and takes no other", where);
    }
    return make_sentencepiece(spec, where);
  }
  auto model = make_wordpiece(std::get<WordPieceSpec>(std::move(spec.model)), where);
  return std::make_unique<PipelineTokenizer>(std::move(spec), std::move(model));
}

}  // namespace embedtool
