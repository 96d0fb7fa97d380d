#include <utility>

#include "core/base/error.hpp"
#include "core/text/models/sentencepiece_tokenizer.hpp"
#include "core/text/pipeline/pipeline_tokenizer.hpp"
#include "core/text/tokenizer_spec.hpp"

namespace embedtool {
namespace {

struct Make {
  const std::string& where;

  using Model = std::unique_ptr<WordModel>;
  Model operator()(WordPieceSpec spec) const { return make_wordpiece(std::move(spec), where); }
  Model operator()(BpeSpec spec) const { return make_bpe(std::move(spec), where); }
  Model operator()(UnigramSpec spec) const { return make_unigram(std::move(spec), where); }
  Model operator()(const SentencePieceSpec&) const { return nullptr; }  // not made of stages
};

// Gemma's files split at blanks after having replaced them all: such a split does nothing, but
// would keep texts from being cut.
void drop_idle_splits(TokenizerSpec& spec) {
  if (spec.normalizer.empty()) return;
  const auto* replace = std::get_if<ReplaceSpec>(&spec.normalizer.back());
  if (replace == nullptr || replace->pattern.regex || replace->pattern.text.empty() ||
      replace->content.find(replace->pattern.text) != std::string::npos) {
    return;
  }
  // Of one character, or else replacing could make a new one.
  if (replace->pattern.text.size() != 1) return;
  std::erase_if(spec.pre_tokenizer, [&](const PreTokenizerStep& step) {
    const auto* split = std::get_if<SplitSpec>(&step);
    return split != nullptr && !split->pattern.regex && !split->invert &&
           split->pattern.text == replace->pattern.text;
  });
}

}  // namespace

std::unique_ptr<Tokenizer> make_tokenizer(TokenizerSpec spec, const std::string& where) {
  if (std::holds_alternative<SentencePieceSpec>(spec.model)) {
    if (!spec.normalizer.empty() || !spec.pre_tokenizer.empty()) {
      throw Error(ExitCode::model,
                  "{}: a sentencepiece model has its own normalizer and takes no other", where);
    }
    return make_sentencepiece(spec, where);
  }
  auto model = std::visit(Make{where}, std::move(spec.model));
  drop_idle_splits(spec);
  return std::make_unique<PipelineTokenizer>(std::move(spec), std::move(model), where);
}

}  // namespace embedtool
