#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/text/models/piece_trie.hpp"
#include "core/text/models/word_cache.hpp"
#include "core/text/models/word_model.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

// What an unknown character costs beyond the least likely piece.
constexpr double kUnknownPenalty = 10.0;
constexpr std::int32_t kUnknown = -1;
constexpr std::string_view kMark = "\xE2\x96\x81";  // U+2581, where words begin

// A part that is remembered has fewer than 32 bytes, hence so many pieces. Where no score of a text
// exceeds kMaxScore, a sum is rounded by at most 2^-33, and two paths through a part by 2^-27
// altogether. A choice between paths that differ by more than kClear is the same whatever the score
// before the part.
constexpr double kMaxScore = 1048576.0;     // 2^20
constexpr double kClear = 1.0 / kMaxScore;  // 2^-20
static_assert(WordCache::kMaxBytes < 32);

/// Viterbi's best path through the pieces of a word (Kudo 2018), with the reference's tie rule: of
/// equally likely paths the one found first.
class Unigram : public WordModel {
 public:
  Unigram(UnigramSpec spec, const std::string& where);

  std::unique_ptr<WordModel::Scratch> make_scratch() const override {
    return std::make_unique<Scratch>();
  }
  void encode(std::string_view word, Joint joint, WordModel::Scratch& scratch,
              std::vector<TokenId>& out) const override;
  bool cuts_before(std::string_view mark) const override {
    return mark == kMark && marks_separate_;
  }
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  TokenId unknown_id() const override { return unknown_; }
  std::string_view kind() const override { return "Unigram"; }

 private:
  struct Node {
    double score = 0.0;
    std::int32_t start = -1;  // where the piece that ends here begins; -1: none does
    std::int32_t place = 0;   // of that piece in the trie; kUnknown
  };
  struct Part {
    std::string_view text;
    std::uint64_t hash;
  };
  struct Scratch : WordModel::Scratch {
    WordCache cache;
    std::vector<Part> parts;
    std::vector<Node> nodes;  // by byte
    // What the word had before the part at hand: its score, and whether it ends unknown.
    double score = 0.0;
    bool unknown_open = false;
  };

  void encode_part(const Part& part, Scratch& scratch, std::vector<TokenId>& out) const;
  struct Path {
    double score;  // of the text up to its end
    bool clear;    // no other path through any place came closer than kClear
  };
  Path find_path(std::string_view part, double score, std::vector<Node>& nodes) const;
  bool emit_path(std::string_view part, Scratch& scratch, std::vector<TokenId>& out) const;
  void emit_unknown(std::string_view text, std::vector<TokenId>& out) const;

  std::vector<double> scores_;
  Vocabulary vocabulary_;
  std::optional<PieceTrie> trie_;
  std::vector<TokenId> byte_ids_;  // empty without byte fallback
  TokenId unknown_ = Vocabulary::kAbsent;
  double unknown_score_ = 0.0;
  bool marks_separate_ = true;  // no piece holds one beyond its beginning
  std::string where_;
};

Unigram::Unigram(UnigramSpec spec, const std::string& where) : where_(where) {
  constexpr std::size_t kMaxPieceBytes = std::size_t{64} << 20;
  if (spec.pieces.size() > PieceTrie::kMaxPieces) {
    throw Error(ExitCode::model, "{}: {} pieces are too many for a model", where,
                spec.pieces.size());
  }
  double least = std::numeric_limits<double>::infinity();
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < spec.pieces.size(); ++i) {
    const UnigramSpec::Piece& piece = spec.pieces[i];
    if (!std::isfinite(piece.score)) {
      throw Error(ExitCode::model, "{}: the score of piece {} is not a number", where, i);
    }
    bytes += piece.text.size();
    least = std::min(least, piece.score);
    scores_.push_back(piece.score);
    vocabulary_.add(piece.text, static_cast<TokenId>(i));
  }
  if (bytes > kMaxPieceBytes) {
    throw Error(ExitCode::model, "{}: {} bytes of pieces are too many for a model", where, bytes);
  }
  if (spec.unk_id) {
    if (*spec.unk_id >= spec.pieces.size()) {
      throw Error(ExitCode::model, "{}: the unknown piece {} is not in the vocabulary", where,
                  *spec.unk_id);
    }
    unknown_ = static_cast<TokenId>(*spec.unk_id);
  }
  vocabulary_.finish();
  unknown_score_ = least - kUnknownPenalty;
  if (spec.byte_fallback) byte_ids_ = byte_tokens(vocabulary_);
  std::vector<PieceTrie::Piece> entries;
  entries.reserve(spec.pieces.size());
  for (std::size_t i = 0; i < spec.pieces.size(); ++i) {
    entries.push_back({spec.pieces[i].text, spec.pieces[i].score, static_cast<TokenId>(i)});
    if (holds_inside(spec.pieces[i].text, kMark)) marks_separate_ = false;
  }
  trie_.emplace(std::move(entries));
}

// Where no piece holds a mark beyond its beginning, every path has a boundary before each mark, and
// the best path consists of the best ones of the parts. Their scores are the very numbers of the
// whole word, since each part goes on from what the parts before had.
void Unigram::encode(std::string_view word, Joint joint, WordModel::Scratch& base,
                     std::vector<TokenId>& out) const {
  EMBEDTOOL_CHECK(!word.empty() && dynamic_cast<Scratch*>(&base) != nullptr);
  auto& scratch = static_cast<Scratch&>(base);
  if (joint != Joint::continues) {
    scratch.score = 0.0;
    scratch.unknown_open = false;
  }
  scratch.parts.clear();
  while (!word.empty()) {
    std::size_t end = word.size();
    if (marks_separate_) {
      std::size_t at = 0;
      while (word.substr(at).starts_with(kMark)) at += kMark.size();
      end = std::min(word.find(kMark, at), word.size());
    }
    const std::string_view part = word.substr(0, end);
    const bool is_short = part.size() <= WordCache::kMaxBytes;
    const std::uint64_t hash = is_short ? PrefixHash::of(part) : 0;
    if (is_short) scratch.cache.prefetch(hash);
    scratch.parts.push_back({part, hash});
    word.remove_prefix(end);
  }
  for (const Part& part : scratch.parts) encode_part(part, scratch, out);
}

// What is remembered are parts without an unknown character whose pieces do not depend on the score
// before them. That score is added up as find_path() does it.
void Unigram::encode_part(const Part& entry, Scratch& scratch, std::vector<TokenId>& out) const {
  const auto [part, hash] = entry;
  const bool is_short = part.size() <= WordCache::kMaxBytes;
  if (is_short && std::abs(scratch.score) < kMaxScore / 2) {
    if (const auto known = scratch.cache.find(part, hash); !known.empty()) {
      for (const TokenId id : known)
        scratch.score = scores_[static_cast<std::size_t>(id)] + scratch.score;
      out.insert(out.end(), known.begin(), known.end());
      scratch.unknown_open = false;
      return;
    }
  }
  const std::size_t begin = out.size();
  const Path path = find_path(part, scratch.score, scratch.nodes);
  scratch.score = path.score;
  const bool known = emit_path(part, scratch, out);
  if (!is_short || !known || !path.clear || std::abs(path.score) > kMaxScore) return;
  scratch.cache.remember(part, hash, std::span(out).subspan(begin));
}

// Viterbi over byte positions: each node keeps the best-scoring piece that ends there. An unknown
// character is offered only where no piece is exactly that character, as the reference does. Of
// equal scores the first one offered stays, so the order of the offers is part of the result. The
// score of the text before is the start value: floating-point sums that begin elsewhere could break
// ties differently.
Unigram::Path Unigram::find_path(std::string_view part, double score,
                                 std::vector<Node>& nodes) const {
  nodes.assign(part.size() + 1, {});
  nodes[0].score = score;
  double least_gap = std::numeric_limits<double>::infinity();
  const auto offer = [&](std::size_t start, std::size_t end, double candidate, std::int32_t place) {
    Node& node = nodes[end];
    if (node.start >= 0) least_gap = std::min(least_gap, std::abs(candidate - node.score));
    if (node.start < 0 || candidate > node.score) {
      node = {candidate, static_cast<std::int32_t>(start), place};
    }
  };
  for (std::size_t at = 0; at < part.size();) {
    const std::size_t length = unicode::decode(part, at).length;
    const double here = nodes[at].score;
    bool single = false;
    trie_->for_each_prefix(part.substr(at),
                           [&](std::size_t bytes, double score_of_piece, std::int32_t place) {
                             offer(at, at + bytes, score_of_piece + here, place);
                             single = single || bytes == length;
                           });
    if (!single) offer(at, at + length, unknown_score_ + here, kUnknown);
    at += length;
  }
  return {nodes[part.size()].score, least_gap > kClear};
}

// Walks the path back, turning `start` into links forward, and then along it. A run of unknown
// characters is one token, also where it began in the part before. Returns whether there are none.
bool Unigram::emit_path(std::string_view part, Scratch& scratch, std::vector<TokenId>& out) const {
  std::vector<Node>& nodes = scratch.nodes;
  std::size_t end = part.size();
  while (end > 0) {
    const auto start = static_cast<std::size_t>(nodes[end].start);
    nodes[start].score = static_cast<double>(end);  // scores are no longer needed
    end = start;
  }
  constexpr std::size_t kNoRun = std::numeric_limits<std::size_t>::max();
  std::size_t run = kNoRun;  // where a run of unknown characters begins
  bool all_known = true;
  const auto end_run = [&](std::size_t at) {
    const bool goes_on = run == 0 && scratch.unknown_open && byte_ids_.empty();
    if (run != kNoRun && !goes_on) emit_unknown(part.substr(run, at - run), out);
  };
  for (std::size_t at = 0; at < part.size();) {
    const auto next = static_cast<std::size_t>(nodes[at].score);
    if (nodes[next].place == kUnknown) {
      run = std::min(run, at);
      all_known = false;
    } else {
      end_run(at);
      run = kNoRun;
      out.push_back(trie_->id_at(nodes[next].place));
    }
    at = next;
  }
  end_run(part.size());
  scratch.unknown_open = run != kNoRun;
  return all_known;
}

void Unigram::emit_unknown(std::string_view text, std::vector<TokenId>& out) const {
  if (const TokenId id = vocabulary_.find(text); id != Vocabulary::kAbsent) {
    out.push_back(id);
    return;
  }
  const auto known = [this](char c) {
    return byte_ids_[static_cast<unsigned char>(c)] != Vocabulary::kAbsent;
  };
  if (!byte_ids_.empty() && std::all_of(text.begin(), text.end(), known)) {
    for (const char c : text) out.push_back(byte_ids_[static_cast<unsigned char>(c)]);
    return;
  }
  if (unknown_ == Vocabulary::kAbsent) {
    throw Error(ExitCode::model,
                "{}: a character is not in any piece, and the model has no unknown piece", where_);
  }
  out.push_back(unknown_);
}

}  // namespace

std::unique_ptr<WordModel> make_unigram(UnigramSpec spec, const std::string& where) {
  return std::make_unique<Unigram>(std::move(spec), where);
}

}  // namespace embedtool
