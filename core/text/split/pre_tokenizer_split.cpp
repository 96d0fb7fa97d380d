#include <algorithm>
#include <utility>

#include "core/text/split/pre_tokenizer_parts.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

/// Cuts `part` at the matches as the behaviour says and appends the words. What lies between two
/// matches is a piece that does not match; with `invert` the roles change.
class Splitter {
 public:
  Splitter(TextPart part, SplitBehavior behavior, bool invert, std::vector<TextPart>& out)
      : part_(part), behavior_(behavior), invert_(invert), out_(out) {}

  void run(const std::vector<TextSpan>& matches) {
    std::size_t done = 0;
    for (const TextSpan match : matches) {
      if (match.begin > done) add({done, match.begin}, invert_);
      add(match, !invert_);
      done = match.end;
    }
    if (done < part_.text.size()) add({done, part_.text.size()}, invert_);
    flush();
  }

 private:
  // A word is held back until it is known whether the next piece belongs to it.
  void add(TextSpan piece, bool match) {
    const bool after_match = last_match_;
    last_match_ = match;
    switch (behavior_) {
      case SplitBehavior::removed:
        if (!match) emit(piece);
        return;
      case SplitBehavior::isolated:
        emit(piece);
        return;
      case SplitBehavior::contiguous:
        return join(piece, held_ && match == after_match);
      case SplitBehavior::merged_with_previous:
        return join(piece, held_ && match && !after_match);
      case SplitBehavior::merged_with_next:
        return join(piece, held_ && !match && after_match);
    }
  }
  void join(TextSpan piece, bool to_last) {
    if (to_last) {
      word_.end = piece.end;
      return;
    }
    flush();
    word_ = piece;
    held_ = true;
  }
  void flush() {
    if (held_) emit(word_);
    held_ = false;
  }
  void emit(TextSpan piece) {
    if (piece.end == piece.begin) return;
    out_.push_back(
        {part_.text.substr(piece.begin, piece.end - piece.begin), part_.first && piece.begin == 0});
  }

  TextPart part_;
  SplitBehavior behavior_;
  bool invert_;
  std::vector<TextPart>& out_;
  TextSpan word_;
  bool held_ = false;
  bool last_match_ = false;
};

class PatternSplit : public PreTokenizerPart {
 public:
  PatternSplit(std::unique_ptr<Pattern> pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void split(TextPart part, PreTokenizerScratch& scratch, std::string&) const override {
    scratch.matches.clear();
    pattern_->find_all(part.text, scratch.matches);
    Splitter(part, behavior_, invert_, scratch.next).run(scratch.matches);
  }

  CutRule cuts() const override {
    // Where every match is a word or a gap, halves at a cut have nothing to do with each other.
    const bool apart = behavior_ == SplitBehavior::isolated || behavior_ == SplitBehavior::removed;
    return apart ? pattern_->cuts() : CutRule{};
  }
  bool ends_at_blanks() const override { return pattern_->ends_at_blanks(); }

 private:
  std::unique_ptr<Pattern> pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

class ByteLevel : public PreTokenizerPart {
 public:
  explicit ByteLevel(const ByteLevelSpec& spec)
      : pattern_(spec.use_regex ? make_gpt2_pattern() : nullptr),
        add_prefix_space_(spec.add_prefix_space) {}

  void split(TextPart part, PreTokenizerScratch& scratch, std::string& rewritten) const override {
    if (add_prefix_space_ && !part.text.starts_with(' ')) {
      const std::size_t begin = rewritten.size();
      rewritten.append(" ").append(part.text);
      part.text = std::string_view(rewritten).substr(begin);
    }
    if (!pattern_) {
      scratch.next.push_back(part);
      return;
    }
    scratch.matches.clear();
    pattern_->find_all(part.text, scratch.matches);
    Splitter(part, SplitBehavior::isolated, false, scratch.next).run(scratch.matches);
  }
  std::size_t rewritten_bytes(TextPart part) const override {
    return add_prefix_space_ ? part.text.size() + 1 : 0;
  }
  CutRule cuts() const override {
    const CutRule rule = pattern_ ? pattern_->cuts() : CutRule::everywhere();
    return add_prefix_space_ ? rule & CutRule::at_blanks() : rule;
  }
  bool ends_at_blanks() const override { return pattern_ != nullptr; }

 private:
  std::unique_ptr<Pattern> pattern_;
  bool add_prefix_space_;
};

/// Matches of one character each. `Of` says which.
template <typename Of>
class CharacterSplit : public PreTokenizerPart {
 public:
  CharacterSplit(Of of, SplitBehavior behavior, bool ends_at_blanks)
      : of_(of), behavior_(behavior), ends_at_blanks_(ends_at_blanks) {}

  void split(TextPart part, PreTokenizerScratch& scratch, std::string&) const override {
    scratch.matches.clear();
    for (std::size_t at = 0; at < part.text.size();) {
      const unicode::Decoded decoded = unicode::decode(part.text, at);
      if (of_(decoded.code_point)) scratch.matches.push_back({at, at + decoded.length});
      at += decoded.length;
    }
    Splitter(part, behavior_, false, scratch.next).run(scratch.matches);
  }
  CutRule cuts() const override {
    const bool merges = behavior_ == SplitBehavior::merged_with_previous;
    return merges ? CutRule{} : CutRule{true, true, false, false};
  }
  bool ends_at_blanks() const override { return ends_at_blanks_; }

 private:
  Of of_;
  SplitBehavior behavior_;
  bool ends_at_blanks_;
};

/// `\w+|[^\w\s]+`
class WordsAndSymbols : public PreTokenizerPart {
 public:
  void split(TextPart part, PreTokenizerScratch& scratch, std::string&) const override {
    enum class Kind { space, word, symbol };
    const std::string_view text = part.text;
    std::size_t begin = 0;
    Kind last = Kind::space;
    for (std::size_t at = 0; at <= text.size();) {
      unicode::Decoded decoded{0, 1};
      Kind kind = Kind::space;
      if (at < text.size()) {
        decoded = unicode::decode(text, at);
        if (!unicode::is_whitespace(decoded.code_point)) {
          kind = unicode::is_word_character(decoded.code_point) ? Kind::word : Kind::symbol;
        }
      }
      if (kind != last || at == text.size()) {
        if (last != Kind::space) {
          scratch.next.push_back({text.substr(begin, at - begin), part.first && begin == 0});
        }
        begin = at;
        last = kind;
      }
      at += decoded.length;
    }
  }
  CutRule cuts() const override { return {true, true, true, false}; }
  bool ends_at_blanks() const override { return true; }
};

template <typename Of>
std::unique_ptr<PreTokenizerPart> character_split(Of of, SplitBehavior behavior, bool ends) {
  return std::make_unique<CharacterSplit<Of>>(of, behavior, ends);
}

}  // namespace

std::unique_ptr<PreTokenizerPart> make_byte_level(const ByteLevelSpec& spec) {
  return std::make_unique<ByteLevel>(spec);
}
std::unique_ptr<PreTokenizerPart> make_pattern_split(const SplitSpec& spec,
                                                     const std::string& where) {
  return std::make_unique<PatternSplit>(make_pattern(spec.pattern, where), spec.behavior,
                                        spec.invert);
}
std::unique_ptr<PreTokenizerPart> make_character_split(const WhitespaceSplitSpec&) {
  return character_split(unicode::is_whitespace, SplitBehavior::removed, true);
}
std::unique_ptr<PreTokenizerPart> make_character_split(const WhitespaceSpec&) {
  return std::make_unique<WordsAndSymbols>();
}
std::unique_ptr<PreTokenizerPart> make_character_split(const PunctuationSpec& spec) {
  return character_split(unicode::is_punctuation, spec.behavior, false);
}
std::unique_ptr<PreTokenizerPart> make_character_split(const DigitsSpec& spec) {
  return character_split(unicode::is_numeric,
                         spec.individual ? SplitBehavior::isolated : SplitBehavior::contiguous,
                         false);
}
std::unique_ptr<PreTokenizerPart> make_character_split(const DelimiterSpec& spec) {
  return character_split([c = spec.delimiter](char32_t x) { return x == c; },
                         SplitBehavior::removed, spec.delimiter == U' ');
}

}  // namespace embedtool
