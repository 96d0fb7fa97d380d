#include "formats/output/manifest.hpp"

#include <gtest/gtest.h>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

Manifest sample() {
  Manifest manifest;
  RunIdentity& identity = manifest.identity;
  identity.program = "0.1.0";
  identity.model_fingerprint = "abc";
  identity.pooling = {Pooling::mean};
  identity.prompt = "a \"quoted\" é";
  identity.inputs = {{"a.jsonl", 100, -7, "0123", 0, ""}, {"-", {}, {}, "", 0, ""}};
  identity.dims = 384;
  identity.dtype = OutputType::int8;
  identity.int8_scale = 0.0123456F;
  identity.keep = {"title"};
  identity.model_files = {{"config.json", FileStamp{7, -1, 2}}, {"modules.json", {}}};
  manifest.rows = 15;
  manifest.shards = {{"data/part-00000.parquet", 10, 0, 1000, hash128("x"), 0, 0},
                     {"data/part-00001.parquet", 5, 10, 700, hash128("y"), 0, 0}};
  manifest.files = {{"report.json", 12, hash128("z")}};
  return manifest;
}

TEST(Manifest, ComesBack) {
  const std::string text = to_json(sample());
  const Manifest back = parse_manifest(text, "m");
  EXPECT_EQ(to_json(back), text);
  EXPECT_EQ(identity_record(back.identity), identity_record(sample().identity));
  EXPECT_TRUE(back.foreign_settings.empty());
  EXPECT_EQ(back.shards[1].hash, hash128("y"));
}

TEST(Manifest, KeepsSettingsThatItDoesNotKnow) {
  Manifest manifest = sample();
  manifest.foreign_settings = {{"chunk_words", "200"}};
  const Manifest back = parse_manifest(to_json(manifest), "m");
  EXPECT_EQ(back.foreign_settings, manifest.foreign_settings);
  EXPECT_EQ(to_json(back), to_json(manifest));
}

/// As version 0.1.0 wrote it: no numerics, no line_limit, no model_files.
TEST(Manifest, ReadsOlderOnes) {
  std::string text = to_json(sample());
  const auto erase = [&text](std::size_t from, const std::string& last) {
    text.erase(from, text.find(last, from) + last.size() - from);
  };
  erase(text.find("    \"numerics\""), "\n");
  erase(text.find(",\n  \"model_files\""), "\n  ]");
  text.resize(text.find(",\n  \"checksum\""));
  text += ",\n  \"checksum\": \"" + hash128(text).hex() + "\"\n}\n";
  const RunIdentity old = parse_manifest(text, "m").identity;
  EXPECT_EQ(old.numerics, 1U);
  EXPECT_TRUE(old.model_files.empty());
  RunIdentity now = sample().identity;
  now.numerics = 1;  // as if no vector had changed since
  EXPECT_EQ(first_difference(old, now, Comparison::up_to_date), "");
}

TEST(Manifest, EveryFlippedBitAndEveryCutIsFound) {
  const std::string text = to_json(sample());
  for (std::size_t i = 0; i < text.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = text;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_THROW(parse_manifest(bad, "m"), Error) << i;
    }
    EXPECT_THROW(parse_manifest(text.substr(0, i), "m"), Error) << i;
  }
  EXPECT_THROW(parse_manifest(text + " ", "m"), Error);
}

/// A manifest that somebody edited, with a checksum to match.
void expect_refused(const Manifest& manifest) {
  EXPECT_THROW(parse_manifest(to_json(manifest), "m"), Error);
}

TEST(Manifest, RefusesWhatDoesNotAddUp) {
  Manifest m = sample();
  m.rows = 16;
  expect_refused(m);
  m = sample();
  std::swap(m.shards[0], m.shards[1]);
  expect_refused(m);
  m = sample();
  m.shards[1].first_row = 11;
  expect_refused(m);
  m = sample();
  m.shards[0].name = "../../etc/passwd";
  expect_refused(m);
  m = sample();
  m.files[0].name = "/etc/passwd";
  expect_refused(m);
  m = sample();
  m.shards[0].rows = UINT64_MAX;
  m.shards[1].first_row = UINT64_MAX;
  expect_refused(m);
  m = sample();
  m.identity.to = OutputFormat::npy;
  expect_refused(m);
}

TEST(Manifest, RefusesDeepNesting) {
  const std::string text = "{\n  \"format\": \"embedtool-output\"" + std::string(100000, '[');
  EXPECT_THROW(parse_manifest(text, "m"), Error);
}

TEST(Journal, ReadsUpToTheTornLine) {
  const std::string header = journal_header(sample().identity);
  const ShardEntry first{"data/part-00000.parquet", 10, 0, 1000, hash128("x"), 9, 1};
  const ShardEntry second{"data/part-00001.parquet", 5, 10, 700, hash128("y"), 12, 3};
  const std::string text = header + journal_line(first) + journal_line(second);
  const auto whole = parse_journal(text);
  ASSERT_TRUE(whole.has_value());
  ASSERT_EQ(whole->shards.size(), 2U);
  ASSERT_TRUE(whole->identity.has_value());
  EXPECT_EQ(identity_record(*whole->identity), identity_record(sample().identity));
  EXPECT_EQ(whole->shards[1].last_record, 12U);
  EXPECT_EQ(whole->shards[1].last_record_rows, 3U);
  for (std::size_t cut = 0; cut < text.size(); ++cut) {
    const auto torn = parse_journal(text.substr(0, cut));
    ASSERT_EQ(torn.has_value(), cut >= header.size()) << cut;
    if (!torn) continue;
    const bool has_first = cut >= header.size() + journal_line(first).size();
    ASSERT_EQ(torn->shards.size(), has_first ? 1U : 0U) << cut;
  }
}

TEST(Journal, StopsAtADamagedLine) {
  const std::string header = journal_header({});
  const ShardEntry first{"data/part-00000.parquet", 10, 0, 1000, hash128("x"), 9, 1};
  const std::string line = journal_line(first);
  for (std::size_t i = 0; i + 1 < line.size(); ++i) {
    std::string bad = header + line;
    bad[header.size() + i] = static_cast<char>(bad[header.size() + i] ^ 1);
    EXPECT_TRUE(parse_journal(bad)->shards.empty()) << i;
  }
  ShardEntry gap = first;
  gap.first_row = 1;
  EXPECT_TRUE(parse_journal(header + journal_line(gap))->shards.empty());
}

TEST(OutputNames, AreOurs) {
  EXPECT_EQ(shard_name(7), "data/part-00007.parquet");
  EXPECT_EQ(shard_name(123456), "data/part-123456.parquet");
  for (const char* name :
       {"part-00000.parquet", "data/part-123456.parquet", "report.json", "ids.jsonl"}) {
    EXPECT_TRUE(is_output_name(name)) << name;
  }
  for (const char* name :
       {"", "part-.parquet", "part-0000.parquet", "part-0000a.parquet", "part-00000.parquet.bak",
        "../part-00000.parquet", "notes.txt", "..", "datapart-00000.parquet",
        "data//part-00000.parquet", "data/../part-00000.parquet", "data/", "data/notes.txt"}) {
    EXPECT_FALSE(is_output_name(name)) << name;
  }
}

}  // namespace
}  // namespace embedtool
