#include "core/text/normalize/normalizer.hpp"

#include <utility>

#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

class Strip : public NormalizerPart {
 public:
  explicit Strip(const StripSpec& spec) : spec_(spec) {}

  void normalize(std::string_view text, TextEdges edges, NormalizerScratch&,
                 std::string& out) const override {
    std::size_t begin = 0;
    std::size_t end = text.size();
    while (spec_.left && edges.first && begin < end) {
      const unicode::Decoded next = unicode::decode(text, begin);
      if (!unicode::is_whitespace(next.code_point)) break;
      begin += next.length;
    }
    while (spec_.right && edges.last && end > begin) {
      const unicode::Decoded before = unicode::decode_before(text, end);
      if (!unicode::is_whitespace(before.code_point)) break;
      end -= before.length;
    }
    out.append(text.substr(begin, end - begin));
  }
  CutRule cuts() const override { return {true, true, true, false}; }

 private:
  StripSpec spec_;
};

class Replace : public NormalizerPart {
 public:
  Replace(ReplaceSpec spec, const std::string& where)
      : pattern_(make_pattern(spec.pattern, where)), content_(std::move(spec.content)) {}

  void normalize(std::string_view text, TextEdges, NormalizerScratch& scratch,
                 std::string& out) const override {
    scratch.matches.clear();
    pattern_->find_all(text, scratch.matches);
    std::size_t done = 0;
    for (const TextSpan match : scratch.matches) {
      out.append(text.substr(done, match.begin - done)).append(content_);
      done = match.end;
    }
    out.append(text.substr(done));
  }
  CutRule cuts() const override { return pattern_->cuts() & CutRule{true, true, true, false}; }

 private:
  std::unique_ptr<Pattern> pattern_;
  std::string content_;
};

class Prepend : public NormalizerPart {
 public:
  explicit Prepend(PrependSpec spec) : content_(std::move(spec.content)) {}

  void normalize(std::string_view text, TextEdges edges, NormalizerScratch&,
                 std::string& out) const override {
    if (edges.first && !text.empty()) out.append(content_);
    out.append(text);
  }
  CutRule cuts() const override { return {true, true, true, false}; }

 private:
  std::string content_;
};

struct Make {
  const std::string& where;

  using Part = std::unique_ptr<NormalizerPart>;
  Part operator()(BertNormalizerSpec spec) const { return make_bert_normalizer(spec); }
  Part operator()(UnicodeFormSpec spec) const { return make_unicode_form(spec); }
  Part operator()(LowercaseSpec spec) const { return make_character_rule(spec); }
  Part operator()(StripAccentsSpec spec) const { return make_character_rule(spec); }
  Part operator()(NmtSpec spec) const { return make_character_rule(spec); }
  Part operator()(StripSpec spec) const { return std::make_unique<Strip>(spec); }
  Part operator()(ReplaceSpec spec) const {
    return std::make_unique<Replace>(std::move(spec), where);
  }
  Part operator()(PrependSpec spec) const { return std::make_unique<Prepend>(std::move(spec)); }
  Part operator()(PrecompiledSpec spec) const {
    return make_charsmap_normalizer(std::move(spec), where);
  }
};

}  // namespace

Normalizer::Normalizer(NormalizerSpec spec, const std::string& where) {
  for (NormalizerStep& step : spec) parts_.push_back(std::visit(Make{where}, std::move(step)));
}

std::string_view Normalizer::normalize(std::string_view text, TextEdges edges,
                                       NormalizerScratch& scratch) const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    std::string& out = scratch.texts[i % 2];
    out.clear();
    parts_[i]->normalize(text, edges, scratch, out);
    text = out;
  }
  return text;
}

CutRule Normalizer::cuts() const {
  // A text that stays as it is can be cut anywhere, but has no blanks put around ideographs.
  CutRule rule{true, true, true, !parts_.empty()};
  for (const auto& part : parts_) rule = rule & part->cuts();
  return rule;
}

}  // namespace embedtool
