#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/base/flat_table.hpp"
#include "core/text/models/word_cache.hpp"
#include "core/text/models/word_model.hpp"
#include "core/text/unicode/byte_alphabet.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

constexpr TokenId kNone = Vocabulary::kAbsent;

/// Which pairs of tokens join, when, and to what. Immutable once built.
class MergeTable {
 public:
  struct Merge {
    std::uint32_t rank = kNever;
    TokenId id = kNone;
  };
  static constexpr std::uint32_t kNever = std::numeric_limits<std::uint32_t>::max();

  explicit MergeTable(std::size_t merges) : table_(merges) {}

  /// Of a pair named twice the later rank counts, as in the reference.
  void add(TokenId left, TokenId right, Merge merge) {
    table_[place(key(left, right))] = {key(left, right), merge};
  }
  /// A free slot's merge is one that never happens.
  Merge find(TokenId left, TokenId right) const { return table_[place(key(left, right))].merge; }

 private:
  static constexpr std::uint64_t kFree = std::numeric_limits<std::uint64_t>::max();
  struct Slot {
    std::uint64_t key = kFree;
    Merge merge;

    bool is_free() const { return key == kFree; }
  };

  static std::uint64_t key(TokenId left, TokenId right) {
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
  }
  std::size_t place(std::uint64_t wanted) const {
    return table_.place(wanted * 0x9E3779B97F4A7C15ULL,
                        [wanted](const Slot& slot) { return slot.key == wanted; });
  }

  FlatTable<Slot> table_;
};

/// Byte-pair encoding (Sennrich et al. 2016): of all neighbours that may join, those with the
/// lowest rank do, leftmost first, until none may.
class Bpe : public WordModel {
 public:
  Bpe(BpeSpec spec, const std::string& where);

  std::unique_ptr<WordModel::Scratch> make_scratch() const override {
    return std::make_unique<Scratch>();
  }
  void encode(std::string_view word, Joint joint, WordModel::Scratch& scratch,
              std::vector<TokenId>& out) const override;
  bool cuts_before(std::string_view mark) const override;
  const Vocabulary& vocabulary() const override { return vocabulary_; }
  TokenId unknown_id() const override { return unknown_; }
  std::string_view kind() const override { return byte_level_ ? "byte-level BPE" : "BPE"; }

 private:
  struct Symbol {
    TokenId id = kNone;
    std::int32_t previous = -1;
    std::int32_t next = -1;
    MergeTable::Merge merge;  // with the next one
  };
  struct Candidate {
    std::uint32_t rank;
    std::int32_t at;
    TokenId id;
    // The heap's top is the lowest rank, leftmost.
    bool operator<(const Candidate& other) const {
      return rank != other.rank ? rank > other.rank : at > other.at;
    }
  };
  struct Scratch : WordModel::Scratch {
    WordCache cache;
    std::vector<Symbol> symbols;
    std::vector<Candidate> heap;
    std::string spelled;
  };
  // Searching for the best pair beats a heap where a word is short.
  static constexpr std::size_t kShort = 48;
  // Longer words are joined in stretches of this many symbols at most, so that indices fit.
  static constexpr std::size_t kMaxSymbols = std::size_t{1} << 30;

  void add_merges(const std::vector<BpeSpec::Merge>& merges, std::size_t prefix_bytes,
                  const std::string& where);
  void read_bytes(std::string_view word, Scratch& scratch) const;
  void read_characters(std::string_view word, Scratch& scratch) const;
  void add_character(std::string_view character, TokenId& pending, Scratch& scratch) const;
  TokenId whole_word(std::string_view word, Scratch& scratch) const;
  void link(std::vector<Symbol>& symbols) const;
  void join(std::vector<Symbol>& symbols, std::int32_t at) const;
  void merge_short(std::vector<Symbol>& symbols) const;
  void merge_long(Scratch& scratch) const;
  bool mergeable_inside(std::string_view mark) const;

  Vocabulary vocabulary_;
  MergeTable merges_;
  std::vector<TokenId> merged_;    // ids that merges make
  std::vector<TokenId> byte_ids_;  // of single bytes (byte_level), or of byte tokens (fallback)
  ByteAlphabet alphabet_;
  TokenId unknown_ = kNone;
  std::string prefix_;
  std::string suffix_;
  bool fuse_unknown_;
  bool byte_fallback_;
  bool ignore_merges_;
  bool byte_level_;
};

Bpe::Bpe(BpeSpec spec, const std::string& where)
    : vocabulary_(std::move(spec.vocabulary)),
      merges_(spec.merges.size()),
      prefix_(std::move(spec.continuing_subword_prefix)),
      suffix_(std::move(spec.end_of_word_suffix)),
      fuse_unknown_(spec.fuse_unk),
      byte_fallback_(spec.byte_fallback),
      ignore_merges_(spec.ignore_merges),
      byte_level_(spec.byte_level) {
  vocabulary_.finish();
  if (spec.unk_token) {
    unknown_ = vocabulary_.find(*spec.unk_token);
    if (unknown_ == kNone) {
      throw Error(ExitCode::model,
                  "{}: the unknown token '{}' is not in the vocabulary; the file is damaged or "
                  "belongs to another model",
                  where, *spec.unk_token);
    }
  }
  // Bytes are looked up one by one where nothing surrounds them; else spelled out as characters.
  if (byte_level_ && (!prefix_.empty() || !suffix_.empty() || byte_fallback_)) {
    throw Error(ExitCode::model,
                "{}: a byte-level BPE with continuing_subword_prefix, end_of_word_suffix or "
                "byte_fallback is not supported",
                where);
  }
  if (byte_level_) {
    for (int b = 0; b < 256; ++b) {
      byte_ids_.push_back(vocabulary_.find(alphabet_.of(static_cast<unsigned char>(b))));
    }
  } else if (byte_fallback_) {
    byte_ids_ = byte_tokens(vocabulary_);
  }
  add_merges(spec.merges, prefix_.size(), where);
}

void Bpe::add_merges(const std::vector<BpeSpec::Merge>& merges, std::size_t prefix_bytes,
                     const std::string& where) {
  merged_.reserve(merges.size());
  std::string joined;
  for (std::size_t rank = 0; rank < merges.size(); ++rank) {
    const BpeSpec::Merge& merge = merges[rank];
    joined = merge.left;
    joined += std::string_view(merge.right).substr(std::min(prefix_bytes, merge.right.size()));
    const TokenId left = vocabulary_.find(merge.left);
    const TokenId right = vocabulary_.find(merge.right);
    const TokenId id = vocabulary_.find(joined);
    if (left == kNone || right == kNone || id == kNone) {
      throw Error(ExitCode::model,
                  "{}: merge {} joins '{}' and '{}', but one of them or their result is not in the "
                  "vocabulary; the file is damaged",
                  where, rank, merge.left, merge.right);
    }
    merges_.add(left, right, {static_cast<std::uint32_t>(rank), id});
    merged_.push_back(id);
  }
}

void Bpe::encode(std::string_view word, Joint, WordModel::Scratch& base,
                 std::vector<TokenId>& out) const {
  EMBEDTOOL_CHECK(!word.empty() && dynamic_cast<Scratch*>(&base) != nullptr);
  auto& scratch = static_cast<Scratch&>(base);
  const std::uint64_t hash = PrefixHash::of(word);
  if (const auto known = scratch.cache.find(word, hash); !known.empty()) {
    out.insert(out.end(), known.begin(), known.end());
    return;
  }
  const std::size_t begin = out.size();
  const TokenId whole = ignore_merges_ ? whole_word(word, scratch) : kNone;
  if (whole != kNone) {
    out.push_back(whole);
  } else {
    scratch.symbols.clear();
    if (byte_level_) {
      read_bytes(word, scratch);
    } else {
      read_characters(word, scratch);
    }
    link(scratch.symbols);
    if (scratch.symbols.size() <= kShort) {
      merge_short(scratch.symbols);
    } else {
      merge_long(scratch);
    }
    for (std::int32_t at = scratch.symbols.empty() ? -1 : 0; at >= 0;
         at = scratch.symbols[static_cast<std::size_t>(at)].next) {
      out.push_back(scratch.symbols[static_cast<std::size_t>(at)].id);
    }
  }
  scratch.cache.remember(word, hash, std::span(out).subspan(begin));
}

TokenId Bpe::whole_word(std::string_view word, Scratch& scratch) const {
  if (!byte_level_) return vocabulary_.find(word);
  scratch.spelled.clear();
  for (const char c : word) scratch.spelled += alphabet_.of(static_cast<unsigned char>(c));
  return vocabulary_.find(scratch.spelled);
}

void Bpe::read_bytes(std::string_view word, Scratch& scratch) const {
  TokenId pending = kNone;
  for (const char c : word) {
    const TokenId id = byte_ids_[static_cast<unsigned char>(c)];
    if (id != kNone) {
      if (pending != kNone) scratch.symbols.push_back({pending, -1, -1, {}});
      pending = kNone;
      scratch.symbols.push_back({id, -1, -1, {}});
    } else if (unknown_ != kNone) {
      if (pending != kNone && !fuse_unknown_) scratch.symbols.push_back({pending, -1, -1, {}});
      pending = unknown_;
    }
  }
  if (pending != kNone) scratch.symbols.push_back({pending, -1, -1, {}});
}

void Bpe::read_characters(std::string_view word, Scratch& scratch) const {
  TokenId pending = kNone;  // an unknown token not yet written
  const bool bare = prefix_.empty() && suffix_.empty();
  for (std::size_t at = 0; at < word.size();) {
    const std::size_t length = unicode::decode(word, at).length;
    std::string_view character = word.substr(at, length);
    if (!bare) {
      scratch.spelled.clear();
      if (at > 0) scratch.spelled += prefix_;
      scratch.spelled += character;
      if (at + length == word.size()) scratch.spelled += suffix_;
      character = scratch.spelled;
    }
    add_character(character, pending, scratch);
    at += length;
  }
  if (pending != kNone) scratch.symbols.push_back({pending, -1, -1, {}});
}

void Bpe::add_character(std::string_view character, TokenId& pending, Scratch& scratch) const {
  std::vector<Symbol>& symbols = scratch.symbols;
  if (const TokenId id = vocabulary_.find(character); id != kNone) {
    if (pending != kNone) symbols.push_back({pending, -1, -1, {}});
    pending = kNone;
    symbols.push_back({id, -1, -1, {}});
    return;
  }
  if (byte_fallback_) {
    const auto known = [this](char c) { return byte_ids_[static_cast<unsigned char>(c)] != kNone; };
    if (std::all_of(character.begin(), character.end(), known)) {
      for (const char c : character) {
        symbols.push_back({byte_ids_[static_cast<unsigned char>(c)], -1, -1, {}});
      }
      return;
    }
  }
  if (unknown_ == kNone) return;
  if (pending != kNone && !fuse_unknown_) symbols.push_back({pending, -1, -1, {}});
  pending = unknown_;
}

void Bpe::link(std::vector<Symbol>& symbols) const {
  const auto size = static_cast<std::int32_t>(std::min(symbols.size(), kMaxSymbols));
  for (std::int32_t i = 0; i < size; ++i) {
    Symbol& symbol = symbols[static_cast<std::size_t>(i)];
    symbol.previous = i - 1;
    symbol.next = i + 1 < size ? i + 1 : -1;
    if (symbol.next >= 0) {
      symbol.merge = merges_.find(symbol.id, symbols[static_cast<std::size_t>(i) + 1].id);
    }
  }
}

// Joins the symbol at `at` with its neighbour; the neighbour is left unlinked, without an id.
void Bpe::join(std::vector<Symbol>& symbols, std::int32_t at) const {
  const auto symbol_at = [&symbols](std::int32_t i) -> Symbol& {
    return symbols[static_cast<std::size_t>(i)];
  };
  Symbol& symbol = symbol_at(at);
  Symbol& gone = symbol_at(symbol.next);
  symbol.id = symbol.merge.id;
  symbol.next = gone.next;
  gone.id = kNone;
  gone.merge = {};
  symbol.merge = {};
  if (symbol.next >= 0) {
    symbol_at(symbol.next).previous = at;
    symbol.merge = merges_.find(symbol.id, symbol_at(symbol.next).id);
  }
  if (symbol.previous >= 0) {
    Symbol& before = symbol_at(symbol.previous);
    before.merge = merges_.find(before.id, symbol.id);
  }
}

// Looks for the best merge again after each one: quadratic, but faster than a heap for a short
// word.
void Bpe::merge_short(std::vector<Symbol>& symbols) const {
  for (;;) {
    std::uint32_t best = MergeTable::kNever;
    std::int32_t place = -1;
    for (std::int32_t at = symbols.empty() ? -1 : 0; at >= 0;
         at = symbols[static_cast<std::size_t>(at)].next) {
      const std::uint32_t rank = symbols[static_cast<std::size_t>(at)].merge.rank;
      if (rank < best) {
        best = rank;
        place = at;
      }
    }
    if (place < 0) return;
    join(symbols, place);
  }
}

// The merges of merge_short in O(n log n), with a heap of candidates; ties go to the leftmost, as
// there. A merge changes the pairs on both sides of it. Their candidates are not searched for and
// removed: a symbol knows its current merge, so an outdated candidate is recognised when it comes
// up.
void Bpe::merge_long(Scratch& scratch) const {
  std::vector<Symbol>& symbols = scratch.symbols;
  std::vector<Candidate>& heap = scratch.heap;
  heap.clear();
  const auto offer = [&](std::int32_t at) {
    if (at < 0) return;
    const MergeTable::Merge merge = symbols[static_cast<std::size_t>(at)].merge;
    if (merge.rank != MergeTable::kNever) heap.push_back({merge.rank, at, merge.id});
  };
  for (std::size_t i = 0; i < symbols.size(); ++i) offer(static_cast<std::int32_t>(i));
  std::make_heap(heap.begin(), heap.end());
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end());
    const Candidate top = heap.back();
    heap.pop_back();
    const Symbol& symbol = symbols[static_cast<std::size_t>(top.at)];
    if (symbol.merge.rank != top.rank || symbol.merge.id != top.id) continue;  // has changed since
    join(symbols, top.at);
    for (const std::int32_t at : {top.at, symbol.previous}) {
      const std::size_t before = heap.size();
      offer(at);
      if (heap.size() > before) std::push_heap(heap.begin(), heap.end());
    }
  }
}

// Words can be cut before a mark that no merge has to its right, and that is itself a token, so
// that no unknown token reaches across it.
bool Bpe::cuts_before(std::string_view mark) const {
  if (ignore_merges_ || !prefix_.empty() || !suffix_.empty()) return false;
  const std::string spelled = byte_level_ ? alphabet_.spell(mark) : std::string(mark);
  return vocabulary_.find(spelled) != kNone && !mergeable_inside(spelled);
}

bool Bpe::mergeable_inside(std::string_view mark) const {
  return std::any_of(merged_.begin(), merged_.end(), [&](TokenId id) {
    const auto token = vocabulary_.token(id);
    return token && holds_inside(*token, mark);
  });
}

}  // namespace

std::unique_ptr<WordModel> make_bpe(BpeSpec spec, const std::string& where) {
  return std::make_unique<Bpe>(std::move(spec), where);
}

}  // namespace embedtool
