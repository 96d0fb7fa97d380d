#include "core/text/split/added_tokens.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

std::size_t first_byte(const AddedToken& token) {
  return static_cast<unsigned char>(token.content.front());
}

// Where the white space that ends at `at` begins, not looking before `floor`.
std::size_t space_begin(std::string_view text, std::size_t at, std::size_t floor) {
  while (at > floor) {
    const unicode::Decoded before = unicode::decode_before(text, at);
    if (!unicode::is_whitespace(before.code_point) || at - before.length < floor) break;
    at -= before.length;
  }
  return at;
}

std::size_t space_end(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const unicode::Decoded next = unicode::decode(text, at);
    if (!unicode::is_whitespace(next.code_point)) break;
    at += next.length;
  }
  return at;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) {
  std::erase_if(tokens, [](const AddedToken& token) { return token.content.empty(); });
  const auto order = [](const AddedToken& a, const AddedToken& b) {
    if (first_byte(a) != first_byte(b)) return first_byte(a) < first_byte(b);
    if (a.content.size() != b.content.size()) return a.content.size() > b.content.size();
    return a.content < b.content;
  };
  std::stable_sort(tokens.begin(), tokens.end(), order);
  const auto same = [](const AddedToken& a, const AddedToken& b) { return a.content == b.content; };
  tokens.erase(std::unique(tokens.begin(), tokens.end(), same), tokens.end());
  tokens_ = std::move(tokens);

  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    Bucket& bucket = by_first_byte_[first_byte(tokens_[i])];
    if (bucket.begin == bucket.end) bucket.begin = i;
    bucket.end = i + 1;
  }
  if (!tokens_.empty() && first_byte(tokens_.front()) == first_byte(tokens_.back())) {
    only_first_byte_ = static_cast<int>(first_byte(tokens_.front()));
  }
}

const AddedToken* AddedTokenMatcher::longest_at(std::string_view text, std::size_t at) const {
  const Bucket& bucket = by_first_byte_[static_cast<unsigned char>(text[at])];
  for (std::size_t i = bucket.begin; i < bucket.end; ++i) {
    if (text.compare(at, tokens_[i].content.size(), tokens_[i].content) == 0) return &tokens_[i];
  }
  return nullptr;
}

bool AddedTokenMatcher::stands_alone(std::string_view text, std::size_t begin, std::size_t end) {
  if (begin > 0 && unicode::is_word_character(unicode::decode_before(text, begin).code_point)) {
    return false;
  }
  return end == text.size() || !unicode::is_word_character(unicode::decode(text, end).code_point);
}

std::optional<AddedTokenMatcher::Match> AddedTokenMatcher::find(std::string_view text,
                                                                std::size_t begin,
                                                                std::size_t end) const {
  if (empty()) return std::nullopt;
  for (std::size_t at = begin; at < end;) {
    if (only_first_byte_ >= 0) {
      const void* next = std::memchr(text.data() + at, only_first_byte_, end - at);
      if (next == nullptr) return std::nullopt;
      at = static_cast<std::size_t>(static_cast<const char*>(next) - text.data());
    }
    const AddedToken* token = longest_at(text, at);
    if (token == nullptr) {
      ++at;
      continue;
    }
    const std::size_t after = at + token->content.size();
    if (token->single_word && !stands_alone(text, at, after)) {
      at = after;  // the reference does not look for another token inside the one it discards
      continue;
    }
    return Match{token->lstrip ? space_begin(text, at, begin) : at,
                 token->rstrip ? space_end(text, after) : after, token->id};
  }
  return std::nullopt;
}

CutRule AddedTokenMatcher::cuts() const {
  CutRule rule = CutRule::everywhere();
  const CutRule kinds[] = {{true, false, false, false},
                           {false, true, false, false},
                           {false, false, true, false},
                           {false, false, false, true}};
  const auto forbid = [&rule](const CutRule& kind) {
    rule.before_blank = rule.before_blank && !kind.before_blank;
    rule.before_break = rule.before_break && !kind.before_break;
    rule.before_punctuation = rule.before_punctuation && !kind.before_punctuation;
    rule.before_ideograph = rule.before_ideograph && !kind.before_ideograph;
  };
  for (const AddedToken& token : tokens_) {
    for (std::size_t at = 1; at < token.content.size(); ++at) {
      for (const CutRule& kind : kinds) {
        if (may_cut(token.content, at, kind)) forbid(kind);
      }
    }
    // The white space after a token that ends in a letter would be cut off from it.
    const char32_t last = unicode::decode_before(token.content, token.content.size()).code_point;
    if (token.rstrip && (unicode::is_letter(last) || unicode::is_number(last))) {
      forbid({true, true, false, false});
    }
  }
  return rule;
}

}  // namespace embedtool
