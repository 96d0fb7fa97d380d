#include "core/pipeline/late_reading.hpp"

#include <algorithm>
#include <array>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/base/memory.hpp"

namespace embedtool {
namespace {

TokenSettings endless(const TokenSettings& tokens, std::string prompt, bool special) {
  return {tokens.tokenizer, std::move(prompt), 0, special};
}

/// The hash of what a late chunk's vector depends on.
Hash128 chunk_hash(const Hash128& document, const ChunkSpan& span) {
  const std::array<std::uint64_t, 4> all{document.low, document.high, span.begin, span.end};
  return hash128(all.data(), sizeof all, 3);
}

}  // namespace

LateReading::LateReading(const TokenSettings& tokens, std::size_t window)
    : chunk_limit_(tokens.max_tokens),
      prompted_settings_(endless(tokens, tokens.prompt, false)),
      plain_settings_(endless(tokens, "", false)),
      framed_settings_(endless(tokens, "", tokens.add_special_tokens)),
      prompted_(prompted_settings_),
      plain_(plain_settings_),
      framed_(framed_settings_) {
  find_frame();
  const std::size_t frame = head_.size() + tail_.size();
  EMBEDTOOL_CHECK(window > frame + 1);
  room_ = window - frame;
}

/// Tells the special tokens before a text from those behind it.
void LateReading::find_frame() {
  constexpr std::string_view kSample = "a";
  std::vector<TokenId> frame;
  std::vector<TokenId> text;
  std::vector<TokenId> framed;
  framed_.append("", frame);
  framed_.append(kSample, framed);
  plain_.append(kSample, text);
  for (std::size_t before = 0; before <= frame.size(); ++before) {
    std::vector<TokenId> put_together(frame.begin(),
                                      frame.begin() + static_cast<std::ptrdiff_t>(before));
    put_together.insert(put_together.end(), text.begin(), text.end());
    put_together.insert(put_together.end(), frame.begin() + static_cast<std::ptrdiff_t>(before),
                        frame.end());
    if (put_together != framed) continue;
    head_.assign(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(before));
    tail_.assign(frame.begin() + static_cast<std::ptrdiff_t>(before), frame.end());
    return;
  }
  throw Error(ExitCode::usage,
              "--chunk-pooling late: this model's tokenizer puts special tokens inside a text, so "
              "that a text cannot be read in parts");
}

void LateReading::open(std::string_view text, std::span<const ChunkSpan> spans) {
  EMBEDTOOL_CHECK(spans.size() > 1);
  tokenize(text, spans);
  place_windows();
  cut_pieces(hash128(text), spans);
}

void LateReading::tokenize(std::string_view text, std::span<const ChunkSpan> spans) {
  body_.clear();
  ends_.clear();
  const auto part = [&](std::size_t begin, std::size_t end) {
    return text.substr(begin, end - begin);
  };
  prompted_.append(part(spans[0].begin, spans[0].end), body_);
  ends_.push_back(body_.size());
  for (const ChunkSpan& span : spans.subspan(1)) {
    // Many tokenizers join a word with the blank before it.
    const bool blank = span.begin > 0 && text[span.begin - 1] == ' ';
    const std::size_t frame = head_.size() + tail_.size();
    const auto result = plain_.append(part(span.begin - (blank ? 1 : 0), span.end), body_);
    if (blank && result.n_tokens + frame > chunk_limit_) {
      body_.resize(ends_.back());
      plain_.append(part(span.begin, span.end), body_);
    }
    ends_.push_back(body_.size());
  }
}

void LateReading::place_windows() {
  windows_.clear();
  const std::size_t all = body_.size();
  const std::size_t step = std::max<std::size_t>(room_ / 2, 1);
  std::size_t begin = 0;
  for (; begin + room_ < all; begin += step) windows_.push_back({begin, begin + room_, 0, {}});
  // The last one ends with the document and has as much before it as it can.
  windows_.push_back({all > room_ ? all - room_ : 0, all, all, {}});
  for (std::size_t i = 1; i < windows_.size(); ++i) {
    windows_[i - 1].to = (windows_[i - 1].end + windows_[i].begin) / 2;
  }
}

/// Cuts chunks where the tokens of another window begin to count.
void LateReading::cut_pieces(const Hash128& document, std::span<const ChunkSpan> spans) {
  pieces_.clear();
  std::size_t window = 0;
  std::size_t begin = 0;
  for (std::size_t chunk = 0; chunk < spans.size(); ++chunk) {
    ChunkPiece piece;
    piece.chunk = static_cast<std::uint32_t>(chunk);
    piece.text_hash = chunk_hash(document, spans[chunk]);
    do {
      while (window + 1 < windows_.size() && begin >= windows_[window].to) {
        windows_[++window].pieces.offset = pieces_.size();
      }
      const std::size_t end = std::min(ends_[chunk], windows_[window].to);
      piece.tokens = tokens_of(windows_[window], begin, end);
      piece.ends_chunk = end == ends_[chunk];
      pieces_.push_back(piece);
      ++windows_[window].pieces.size;
      begin = end;
    } while (!piece.ends_chunk);
  }
  pieces_.front().tokens.begin = 0;
  pieces_.back().tokens.end += static_cast<std::uint32_t>(tail_.size());
}

/// Tokens of the document as tokens of a window.
TokenSpan LateReading::tokens_of(const Window& window, std::size_t begin, std::size_t end) const {
  return {static_cast<std::uint32_t>(head_.size() + begin - window.begin),
          static_cast<std::uint32_t>(head_.size() + end - window.begin)};
}

std::span<const TokenId> LateReading::ids(std::size_t window) {
  const Window& w = windows_[window];
  ids_ = head_;
  ids_.insert(ids_.end(), body_.begin() + static_cast<std::ptrdiff_t>(w.begin),
              body_.begin() + static_cast<std::ptrdiff_t>(w.end));
  ids_.insert(ids_.end(), tail_.begin(), tail_.end());
  return ids_;
}

std::span<const ChunkPiece> LateReading::pieces(std::size_t window) const {
  const Slice pieces = windows_[window].pieces;
  return {pieces_.data() + pieces.offset, pieces.size};
}

std::size_t LateReading::bytes() const {
  return capacity_bytes(body_, ends_, windows_, pieces_, ids_);
}

}  // namespace embedtool
