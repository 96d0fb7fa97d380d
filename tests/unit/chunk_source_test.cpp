#include "core/pipeline/chunk_source.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/tokenizer_cases.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TinyJson;

/// Documents in blocks of a few, as a corpus hands them out.
class Documents final : public DocumentSource {
 public:
  explicit Documents(std::size_t kept = 0) : kept_(kept) {}

  Record& add(RecordKind kind) {
    Record& record = all_.records.emplace_back();
    record.kind = kind;
    record.ordinal = record.position = all_.records.size() - 1;
    record.id = all_.append("d" + std::to_string(record.ordinal));
    return record;
  }
  void add_text(std::string_view text, const std::vector<std::string>& kept = {}) {
    Record& record = add(RecordKind::text);
    record.payload = all_.append(text);
    for (const std::string& value : kept) {
      all_.kept.push_back(value == "-" ? Slice::null() : all_.append(value));
    }
  }
  void add_ids(std::size_t count) {
    Record& record = add(RecordKind::token_ids);
    record.payload = {all_.token_ids.size(), count};
    for (std::size_t i = 0; i < count; ++i) all_.token_ids.push_back(static_cast<TokenId>(i));
  }
  void add_vector() {
    Record& record = add(RecordKind::vector);
    record.payload = {all_.values.size(), 2};
    all_.values.insert(all_.values.end(), {1.0F, 2.0F});
  }

  bool read(DocumentBlock& block, const BlockLimits& limits) override {
    if (next_ == all_.records.size()) return false;
    ++reads_;
    const std::size_t end =
        std::min({next_ + limits.records, next_ + at_once, all_.records.size()});
    block = all_;
    block.records.assign(all_.records.begin() + static_cast<std::ptrdiff_t>(next_),
                         all_.records.begin() + static_cast<std::ptrdiff_t>(end));
    block.kept.assign(all_.kept.begin() + static_cast<std::ptrdiff_t>(next_ * kept_),
                      all_.kept.begin() + static_cast<std::ptrdiff_t>(end * kept_));
    next_ = end;
    block.end = end;
    return true;
  }
  SourceProgress progress() const override {
    SourceProgress progress;
    progress.records = next_;
    return progress;
  }
  std::span<const std::string> file_names() const override { return names_; }

  std::size_t at_once = 100;
  std::size_t reads() const { return reads_; }

 private:
  DocumentBlock all_;
  std::size_t kept_;
  std::size_t next_ = 0;
  std::size_t reads_ = 0;
  std::vector<std::string> names_{"in"};
};

struct Rejected final : RejectSink {
  void add(const Reject& reject) override {
    reasons.emplace_back(std::string(reject.id) + ": " + std::string(reject.reason));
  }
  std::vector<std::string> reasons;
};

/// Chunks of 10 tokens: 8 words between the special tokens.
class ChunkSourceTest : public ::testing::Test {
 protected:
  ChunkSource& open(Documents& documents, const ChunkOptions& options = {}) {
    return source_.emplace(documents, settings_, options, rejects_);
  }
  /// "id=text" of all chunks, a block a string list.
  std::vector<std::string> read(const BlockLimits& limits) {
    std::vector<std::string> lines;
    if (!source_->read(block_, limits)) return lines;
    for (std::size_t i = 0; i < block_.records.size(); ++i) {
      const Record& record = block_.records[i];
      std::string line(block_.id(record));
      if (record.kind == RecordKind::text) line += "=" + std::string(block_.text(record));
      lines.push_back(line);
    }
    return lines;
  }

  std::unique_ptr<Tokenizer> tokenizer_ = TinyJson().make();
  TokenSettings settings_{tokenizer_.get(), "", 10, true};
  Rejected rejects_;
  std::optional<ChunkSource> source_;
  DocumentBlock block_;
};

constexpr BlockLimits kMany{1000, 1 << 20};

TEST_F(ChunkSourceTest, HandsOutChunksAsRecords) {
  Documents documents(1);
  documents.add_text("a b e x a b! A b e \u00e9 a! B", {"en"});
  documents.add_text("hello", {"-"});
  open(documents);
  EXPECT_THAT(read(kMany),
              ElementsAre("d0#0=a b e x a b!", "d0#1=A b e \u00e9 a! B", "d1#0=hello"));
  ASSERT_EQ(block_.chunks.size(), 3U);
  const ChunkPlace& second = block_.chunks[1];
  EXPECT_EQ(block_.string(second.document), "d0");
  EXPECT_EQ(block_.string(second.text), "A b e \u00e9 a! B");
  EXPECT_EQ(second.index, 1U);
  EXPECT_EQ(second.count, 2U);
  EXPECT_EQ(second.begin, 13U);
  EXPECT_EQ(second.end, 26U);
  EXPECT_EQ(second.begin_char, 13U);
  EXPECT_EQ(second.end_char, 25U);
  EXPECT_EQ(block_.records[1].ordinal, 0U);
  EXPECT_EQ(block_.string(block_.kept[1]), "en");
  EXPECT_TRUE(block_.kept[2].is_null());
  EXPECT_EQ(block_.end, 2U);
  EXPECT_TRUE(read(kMany).empty());
  EXPECT_EQ(source_->counts().documents, 2U);
  EXPECT_EQ(source_->counts().chunks, 3U);
}

TEST_F(ChunkSourceTest, ADocumentMayTakeManyBlocks) {
  Documents documents;
  std::string text;
  for (int i = 0; i < 10; ++i) text += "a b e x a b e! ";
  documents.add_text(text);
  documents.add_text("b");
  open(documents);
  std::vector<std::string> all;
  std::vector<std::uint64_t> ends;
  for (auto part = read({3, 1 << 20}); !part.empty(); part = read({3, 1 << 20})) {
    EXPECT_LE(part.size(), 3U);
    all.insert(all.end(), part.begin(), part.end());
    ends.push_back(block_.end);
  }
  EXPECT_EQ(all.size(), 11U);
  EXPECT_EQ(all[9], "d0#9=a b e x a b e! ");
  // A document is not complete before its last chunk.
  EXPECT_THAT(ends, ElementsAre(0U, 0U, 0U, 2U));
}

TEST_F(ChunkSourceTest, PutsThePrefixBeforeEveryChunk) {
  Documents documents(2);
  documents.add_text("a b e x! a b e x!", {"k", "x"});
  documents.add_text("b", {"k", "-"});
  documents.add_text("b", {"k", ""});
  documents.add_text("b", {"k", "a b e x a b e x"});
  settings_.max_tokens = 12;
  ChunkOptions options;
  options.prefixed = true;
  options.joiner = ", ";
  options.rule.by = ChunkBy::sentence;
  open(documents, options);
  EXPECT_THAT(read(kMany), ElementsAre("d0#0=x, a b e x!", "d0#1=x, a b e x!", "d1#0=b", "d2#0=b"));
  EXPECT_EQ(block_.string(block_.chunks[0].text), "a b e x!");
  EXPECT_EQ(block_.chunks[1].begin, 9U);
  EXPECT_EQ(block_.kept.size(), 4U) << "the prefix is not kept";
  EXPECT_THAT(rejects_.reasons, ElementsAre(HasSubstr("d3: the text before each chunk")));
  EXPECT_EQ(source_->progress().rejected, 1U);
  EXPECT_EQ(source_->progress().records, 3U);
  EXPECT_EQ(source_->counts().prefix_tokens, 4U);
}

TEST_F(ChunkSourceTest, LeavesIdsAndVectorsWhole) {
  Documents documents;
  documents.add_ids(10);
  documents.add_ids(11);
  documents.add_vector();
  open(documents);
  EXPECT_THAT(read(kMany), ElementsAre("d0#0", "d2#0"));
  EXPECT_EQ(block_.ids(block_.records[0]).size(), 10U);
  EXPECT_EQ(block_.vector(block_.records[1])[1], 2.0F);
  EXPECT_EQ(block_.chunks[1].count, 1U);
  EXPECT_THAT(rejects_.reasons, ElementsAre(HasSubstr("d1: its 11 token ids")));
}

// What a slow source has is handed on before it is asked for more.
TEST_F(ChunkSourceTest, DoesNotWaitForMore) {
  Documents documents;
  documents.at_once = 1;
  documents.add_text("a");
  documents.add_text("b");
  open(documents);
  EXPECT_THAT(read(kMany), ElementsAre("d0#0=a"));
  EXPECT_EQ(documents.reads(), 1U);
  EXPECT_THAT(read(kMany), ElementsAre("d1#0=b"));
}

}  // namespace
}  // namespace embedtool
