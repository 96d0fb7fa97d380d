#include "core/text/chunk/chunker.hpp"

#include <algorithm>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

/// Most bytes of a chunk for each token of its limit.
constexpr std::size_t kMostBytesPerToken = 64;
/// Where nothing of a text has been counted yet.
constexpr std::size_t kUsualBytesPerToken = 4;
/// A text with more bytes for each token of the limit is not counted as a whole first.
constexpr std::size_t kShortBytesPerToken = 8;

/// Characters that end a line: their length at `at`; 0 for another one.
std::size_t line_end_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  switch (byte(0)) {
    case '\n':
    case '\v':
    case '\f':
      return 1;
    case '\r':
      return byte(1) == '\n' ? 2 : 1;
    case 0xC2:  // U+0085
      return byte(1) == 0x85 ? 2 : 0;
    case 0xE2:  // U+2028, U+2029
      return byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9) ? 3 : 0;
    default:
      return 0;
  }
}

bool ends_paragraph(std::string_view text, std::size_t line_end) {
  return line_end >= 3 && text.substr(line_end - 3, 3) == "\u2029";
}

std::size_t line_end_after(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const std::size_t length = line_end_length(text, at);
    if (length > 0) return at + length;
    ++at;
  }
  return at;
}

bool is_blank(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded c = unicode::decode(text, at);
    if (!unicode::is_whitespace(c.code_point)) return false;
    at += c.length;
  }
  return true;
}

/// The last place at or before `at` where a code point begins.
std::size_t code_point_floor(std::string_view text, std::size_t at) {
  while (at > 0 && at < text.size() && unicode::is_continuation(text[at])) --at;
  return at;
}

TokenSettings plain_settings(const TokenSettings& settings) {
  return {settings.tokenizer, "", settings.max_tokens + 1, false};
}

}  // namespace

Chunker::Chunker(const TokenSettings& settings, const ChunkRule& rule)
    : limit_(settings.max_tokens),
      rule_(rule),
      feed_(settings),
      plain_settings_(plain_settings(settings)),
      plain_(plain_settings_) {
  EMBEDTOOL_CHECK(settings.tokenizer != nullptr && limit_ > 0);
  const std::size_t overhead = count_whole(0, 0);
  if (overhead + kLeastRoom > limit_) {
    throw Error(ExitCode::usage,
                "chunks of {} tokens: special tokens and prompt take {} of them, and at least {} "
                "must be left for text; raise --chunk-tokens",
                limit_, overhead > limit_ ? "all" : std::to_string(overhead), kLeastRoom);
  }
  if (rule_.overlap > limit_ / 2) {
    throw Error(ExitCode::usage,
                "--chunk-overlap {}: chunks of {} tokens can share {} tokens at most, half of them",
                rule_.overlap, limit_, limit_ / 2);
  }
}

std::string Chunker::split(std::string_view text, std::string_view prefix,
                           std::vector<ChunkSpan>& spans) {
  spans.clear();
  std::string problem = start(text, prefix);
  if (!problem.empty()) return problem;
  if (!fits_whole(spans)) {
    sentences_.start(text_);
    words_.start(text_);
    problem = cut(spans);
  }
  if (!problem.empty()) spans.clear();
  count_chars(spans);
  return problem;
}

/// Chunks begin in ascending order, so that each code point is counted about once.
void Chunker::count_chars(std::vector<ChunkSpan>& spans) const {
  std::size_t counted = 0;
  std::size_t chars = 0;
  for (ChunkSpan& span : spans) {
    chars += unicode::count(part(counted, span.begin));
    counted = span.begin;
    span.begin_char = chars;
    span.end_char = chars + unicode::count(part(span.begin, span.end));
  }
}

std::string Chunker::start(std::string_view text, std::string_view prefix) {
  if (text.size() > unicode::BorderFinder::kMostBytes) {
    return "a text of 2 GiB or more cannot be cut into chunks";
  }
  text_ = text;
  fed_ = prefix;
  prefix_ = prefix.size();
  counted_bytes_ = kUsualBytesPerToken;
  counted_tokens_ = 1;
  line_ = paragraph_ = {};
  overhead_ = count_whole(0, 0);
  if (overhead_ + kLeastRoom <= limit_) return {};
  return fmt::format(
      "the text before each chunk leaves less than {} of {} tokens for the chunk "
      "(--chunk-prefix, --chunk-tokens)",
      kLeastRoom, limit_);
}

bool Chunker::fits_whole(std::vector<ChunkSpan>& spans) {
  if (text_.size() > kShortBytesPerToken * limit_) return false;
  const std::size_t tokens = count_whole(0, text_.size());
  if (tokens > limit_) return false;
  spans.push_back({0, text_.size(), 0, 0, static_cast<std::uint32_t>(tokens), 0});
  return true;
}

std::string Chunker::cut(std::vector<ChunkSpan>& spans) {
  std::size_t begin = 0;
  std::size_t covered = 0;  // by the chunks so far, with the blanks behind them
  while (covered < text_.size()) {
    sentences_.forget_before(begin);
    words_.forget_before(begin);
    Filling chunk = fill(begin);
    if (begin < covered && chunk.end <= covered) {  // the overlap leaves no room for anything new
      begin = covered;
      chunk = fill(begin);
    }
    if (chunk.end == begin) {
      return fmt::format("one character takes more than the {} tokens of a chunk", limit_);
    }
    const std::size_t end = trimmed_end(begin, chunk.end);
    if (end > begin) {
      const std::size_t shared = begin < covered ? count_plain(part(begin, covered)) : 0;
      spans.push_back({begin, end, 0, 0, static_cast<std::uint32_t>(chunk.count),
                       static_cast<std::uint32_t>(shared)});
    }
    covered = skip_blanks(chunk.end);
    begin = end > begin ? overlap_start(chunk, covered) : covered;
  }
  // Nothing but white space, and too much of it.
  if (spans.empty()) spans.push_back({0, 0, 0, 0, static_cast<std::uint32_t>(overhead_), 0});
  return {};
}

/// Takes pieces from `begin` on while they fit.
Chunker::Filling Chunker::fill(std::size_t begin) {
  marks_.clear();
  Filling chunk{begin, begin, overhead_, 0, 0, Level::sentence, limit_};
  if (rule_.by == ChunkBy::paragraph) chunk.level = Level::paragraph;
  if (rule_.by == ChunkBy::token) chunk.level = Level::word;
  for (bool again = true;; again = rule_.by != ChunkBy::token) {
    while (chunk.end < text_.size() && take_piece(chunk)) {
    }
    const bool shrunk = verify(chunk);
    // Pieces that are counted one by one may have more tokens than they have together.
    const bool more = rule_.by == ChunkBy::token
                          ? again && chunk.count < chunk.used
                          : chunk.next > 0 && chunk.count + chunk.next <= limit_;
    if (shrunk || !more || chunk.end == text_.size()) return chunk;
    chunk.used = chunk.count;
    chunk.run = limit_ - chunk.used;
    chunk.next = 0;
  }
}

void Chunker::take(Filling& chunk, std::size_t end, std::size_t tokens) {
  // What has no tokens goes with what is before it, so that marks are no more than tokens.
  if (tokens == 0 && !marks_.empty()) {
    marks_.back().end = end;
  } else {
    marks_.push_back({end, tokens});
  }
  counted_bytes_ += end - chunk.end;
  counted_tokens_ += tokens;
  chunk.end = end;
  chunk.used += tokens;
}

/// Takes the next piece, or goes over to finer ones; false when the chunk is full.
bool Chunker::take_piece(Filling& chunk) {
  if (chunk.level == Level::word) return take_words(chunk);
  const std::size_t border = border_after(chunk.level, chunk.end);
  const std::size_t tokens = count_piece(chunk, border);
  if (chunk.used + tokens <= limit_) {
    take(chunk, border, tokens);
    return true;
  }
  if (chunk.end > chunk.begin) {  // it begins the next chunk, and is cut there if it must be
    chunk.next = overhead_ + tokens <= limit_ ? tokens : 0;
    return false;
  }
  chunk.level = static_cast<Level>(static_cast<int>(chunk.level) + 1);
  return true;
}

/// Takes a run of words: as many as seem to fit, and half of them again where they do not.
bool Chunker::take_words(Filling& chunk) {
  const std::size_t first = border_after(Level::word, chunk.end);
  const std::size_t reach = std::min(
      chunk.end + expected_bytes(std::min(chunk.run, limit_ - chunk.used)), most_end(chunk.begin));
  std::size_t border = first;
  while (border < reach && border < text_.size()) {
    const std::size_t next = border_after(Level::word, border);
    if (next > reach) break;
    border = next;
  }
  const std::size_t tokens = count_piece(chunk, border);
  if (chunk.used + tokens <= limit_) {
    take(chunk, border, tokens);
    return true;
  }
  if (border > first) {
    chunk.run = std::min(chunk.run, limit_ - chunk.used) / 2;
    return true;
  }
  if (rule_.by == ChunkBy::token || chunk.end == chunk.begin) {
    take_clusters(chunk, border);
  } else {
    chunk.next = overhead_ + tokens <= limit_ ? tokens : 0;
  }
  return false;
}

/// Takes the part of a word that fits.
void Chunker::take_clusters(Filling& chunk, std::size_t limit) {
  const std::size_t begin = chunk.end;
  limit = std::min(limit, most_end(chunk.begin));
  if (limit <= begin) return;
  const Room room{begin, limit, limit_ - chunk.used, begin == chunk.begin};
  const std::size_t end = fit(
      room, [&](std::size_t at) { return chunk.used + count_plain(part(begin, at)) <= limit_; });
  if (end > begin) take(chunk, end, count_plain(part(begin, end)));
}

/// Counts a chunk as it will be encoded, and gives back pieces while that is too much. Returns
/// whether it had to.
bool Chunker::verify(Filling& chunk) {
  const auto count = [&](std::size_t end) {
    return count_whole(chunk.begin, trimmed_end(chunk.begin, end));
  };
  for (std::size_t drop = 1;; drop *= 2) {
    chunk.count = count(chunk.end);
    if (chunk.count <= limit_) return drop > 1;
    chunk.next = 0;
    if (marks_.size() > 1) {
      marks_.resize(marks_.size() - std::min(drop, marks_.size() - 1));
      chunk.end = marks_.back().end;
      continue;
    }
    chunk.end = fit({chunk.begin, chunk.end, limit_ - overhead_, true},
                    [&](std::size_t end) { return count(end) <= limit_; });
    marks_.assign(1, {chunk.end, limit_});
  }
}

/// Where the chunk after this one begins, which is to cover the text from `next` on.
std::size_t Chunker::overlap_start(const Filling& chunk, std::size_t next) {
  const std::size_t room = limit_ - overhead_;
  const std::size_t most = std::min({rule_.overlap, room / 2, room - chunk.next});
  if (most == 0 || next == text_.size()) return next;
  if (chunk.level == Level::word) return last_words(chunk.begin, next, most);
  borders_.clear();
  for (std::size_t i = marks_.size(); i-- > 1;) borders_.push_back(marks_[i - 1].end);
  const std::size_t begin = first_within(next, most);
  if (begin < next) return begin;
  // The last piece is too long: words of it.
  const std::size_t last = marks_.size() > 1 ? marks_[marks_.size() - 2].end : chunk.begin;
  return last_words(last, next, most);
}

/// The last of borders_, which descend, from which on there are at most `most` tokens up to `next`.
std::size_t Chunker::first_within(std::size_t next, std::size_t most) {
  const auto begin_at = [&](std::size_t border) { return std::min(skip_blanks(border), next); };
  return begin_at(last_that_fits(
      next, [&](std::size_t border) { return count_plain(part(begin_at(border), next)) <= most; }));
}

/// The first border of words between `begin` and `next` from which on there are at most `most`
/// tokens.
std::size_t Chunker::last_words(std::size_t begin, std::size_t next, std::size_t most) {
  constexpr std::size_t kMargin = 4;
  const std::size_t reach = kMargin * expected_bytes(most);
  std::size_t at = next - begin > reach ? code_point_floor(text_, next - reach) : begin;
  borders_.clear();
  while ((at = border_after(Level::word, at)) < next) borders_.push_back(at);
  std::reverse(borders_.begin(), borders_.end());
  return first_within(next, most);
}

std::size_t Chunker::border_after(Level level, std::size_t at) {
  switch (level) {
    case Level::paragraph:
      return paragraph_after(at);
    case Level::line:
      return line_after(at);
    case Level::sentence:
      return sentences_.after(at);
    case Level::word:
      break;
  }
  return words_.after(at);
}

// A long stretch is looked through once, however many chunks begin in it.

std::size_t Chunker::line_after(std::size_t at) {
  if (at < line_.begin || at >= line_.end) line_ = {at, line_end_after(text_, at)};
  return line_.end;
}

std::size_t Chunker::paragraph_after(std::size_t at) {
  if (at >= paragraph_.begin && at < paragraph_.end) return paragraph_.end;
  std::size_t end = line_end_after(text_, at);
  bool ended = ends_paragraph(text_, end);
  while (end < text_.size()) {
    const std::size_t next = line_end_after(text_, end);
    const bool blank = is_blank(part(end, next));
    if (!blank && ended) break;
    ended = blank || ends_paragraph(text_, next);
    end = next;
  }
  paragraph_ = {at, end};
  return end;
}

/// The last of borders_ for which `fits` holds, by bisection; `begin` where it holds for none.
template <typename Fits>
std::size_t Chunker::last_that_fits(std::size_t begin, const Fits& fits) const {
  std::size_t low = 0;
  std::size_t high = borders_.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (fits(borders_[middle])) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low == 0 ? begin : borders_[low - 1];
}

/// The last border of clusters in the room for which `fits` holds, or, if it holds for none and the
/// room is forced, of code points; else the room's begin. Few places are tried: from where it is
/// expected, in growing steps, then by bisection.
template <typename Fits>
std::size_t Chunker::fit(const Room& room, const Fits& fits) {
  constexpr std::size_t kLeast = 16;
  constexpr std::size_t kPart = 16;
  std::size_t good = room.begin;
  std::size_t bad = room.limit;
  const std::size_t expected = std::max(expected_bytes(room.tokens), kLeast);
  std::size_t probe = room.limit - room.begin > expected
                          ? code_point_floor(text_, room.begin + expected)
                          : room.limit;
  std::size_t step = std::max(expected / kPart, kLeast);
  if (fits(probe)) {
    while (good = probe, probe < room.limit) {
      probe = room.limit - good > step ? code_point_floor(text_, good + step) : room.limit;
      if (!fits(probe)) break;
      step *= 2;
    }
    if (good == room.limit) return good;
    bad = probe;
  } else {
    bad = probe;
    for (; bad - room.begin > step; step *= 2) {
      probe = code_point_floor(text_, bad - step);
      if (probe > room.begin && fits(probe)) {
        good = probe;
        break;
      }
      bad = std::max(probe, room.begin + 1);
    }
  }
  list_clusters(room.begin, good, bad);
  const std::size_t end = last_that_fits(room.begin, fits);
  if (end > room.begin || !room.forced) return end;
  list_code_points(room.begin, borders_.empty() ? bad : borders_.front());
  return last_that_fits(room.begin, fits);
}

/// Fills borders_ with those between `from` and `limit`, and the one before.
void Chunker::list_clusters(std::size_t begin, std::size_t from, std::size_t limit) {
  borders_.clear();
  unicode::Decoded before = unicode::decode(text_, begin);
  std::int32_t state = 0;
  for (std::size_t at = begin + before.length; at < limit;) {
    const unicode::Decoded after = unicode::decode(text_, at);
    if (unicode::grapheme_ends(before.code_point, after.code_point, state)) {
      if (at <= from) borders_.clear();
      borders_.push_back(at);
    }
    at += after.length;
    before = after;
  }
}

void Chunker::list_code_points(std::size_t begin, std::size_t limit) {
  borders_.clear();
  for (std::size_t at = begin + unicode::decode(text_, begin).length; at < limit;
       at += unicode::decode(text_, at).length) {
    borders_.push_back(at);
  }
}

std::size_t Chunker::trimmed_end(std::size_t begin, std::size_t end) const {
  if (end == text_.size()) return end;
  while (end > begin) {
    const unicode::Decoded c = unicode::decode_before(text_, end);
    if (!unicode::is_whitespace(c.code_point)) break;
    end -= c.length;
  }
  return end;
}

std::size_t Chunker::skip_blanks(std::size_t at) const {
  while (at < text_.size()) {
    const unicode::Decoded c = unicode::decode(text_, at);
    if (!unicode::is_whitespace(c.code_point)) break;
    const std::size_t next = at + c.length;
    // An accent on a blank belongs to it.
    if (next < text_.size() && !unicode::is_whitespace(unicode::decode(text_, next).code_point) &&
        !unicode::is_cluster_border(text_, next)) {
      break;
    }
    at = next;
  }
  return at;
}

std::size_t Chunker::expected_bytes(std::size_t tokens) const {
  return tokens * counted_bytes_ / std::max<std::size_t>(counted_tokens_, 1);
}

/// At most one more than the limit.
std::size_t Chunker::count_plain(std::string_view text) {
  ids_.clear();
  return plain_.append(text, ids_).n_tokens;
}

/// Of the piece from the chunk's end on; more than the limit where the chunk would be too long in
/// bytes.
std::size_t Chunker::count_piece(const Filling& chunk, std::size_t end) {
  if (end > most_end(chunk.begin)) return limit_ + 1;
  return count_plain(part(chunk.end, end));
}

/// Where a chunk that begins at `begin` must end.
std::size_t Chunker::most_end(std::size_t begin) const {
  const std::size_t most = kMostBytesPerToken * limit_;
  return text_.size() - begin <= most ? text_.size() : code_point_floor(text_, begin + most);
}

/// The tokens of a chunk as it will be encoded; one more than the limit for too many.
std::size_t Chunker::count_whole(std::size_t begin, std::size_t end) {
  ids_.clear();
  TokenizeResult result;
  if (prefix_ == 0) {
    result = feed_.append(part(begin, end), ids_);
  } else {
    fed_.resize(prefix_);
    fed_ += part(begin, end);
    result = feed_.append(fed_, ids_);
  }
  return result.truncated ? limit_ + 1 : result.n_tokens;
}

}  // namespace embedtool
