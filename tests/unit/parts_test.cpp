// Which part of a job a process is, and which units it takes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "cli/array_task.hpp"
#include "core/base/error.hpp"
#include "formats/output/part_choice.hpp"
#include "formats/output/unit_files.hpp"
#include "tests/support/output_testing.hpp"

namespace embedtool {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Environment = std::map<std::string, std::string>;

/// "3/8", or the message of the refusal.
std::string place(const std::string& part, const Environment& environment) {
  try {
    const ArrayPlace found =
        find_place(parse_part(part), [&](const char* name) -> std::optional<std::string> {
          const auto entry = environment.find(name);
          if (entry == environment.end()) return std::nullopt;
          return entry->second;
        });
    return std::to_string(found.part) + "/" + std::to_string(found.parts);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::usage);
    return error.what();
  }
}

TEST(ArrayTask, EveryEngine) {
  EXPECT_EQ(place("3/8", {{"SLURM_ARRAY_TASK_ID", "1"}}), "3/8");
  EXPECT_EQ(place("auto", {{"SLURM_ARRAY_TASK_ID", "8"},
                           {"SLURM_ARRAY_TASK_COUNT", "4"},
                           {"SLURM_ARRAY_TASK_MIN", "2"},
                           {"SLURM_ARRAY_TASK_MAX", "8"},
                           {"SLURM_ARRAY_TASK_STEP", "2"}}),
            "4/4");
  EXPECT_EQ(place("auto/32", {{"JOB_COMPLETION_INDEX", "0"}}), "1/32");
  EXPECT_EQ(place("auto", {{"AWS_BATCH_JOB_ARRAY_INDEX", "9"}, {"AWS_BATCH_JOB_ARRAY_SIZE", "10"}}),
            "10/10");
  EXPECT_EQ(place("auto/4@1", {{"PBS_ARRAY_INDEX", "4"}}), "4/4");
  EXPECT_EQ(place("auto/4@0", {{"PBS_ARRAYID", "0"}}), "1/4");
  EXPECT_EQ(place("auto", {{"SGE_TASK_ID", "5"},
                           {"SGE_TASK_FIRST", "1"},
                           {"SGE_TASK_LAST", "7"},
                           {"SGE_TASK_STEPSIZE", "2"}}),
            "3/4");
  EXPECT_EQ(place("auto", {{"LSB_JOBINDEX", "2"}, {"LSB_JOBINDEX_END", "6"}}), "2/6");
  EXPECT_EQ(place("auto/5", {{"PARALLEL_SEQ", "5"}}), "5/5");
  EXPECT_EQ(place("auto", {{"BATCH_TASK_INDEX", "1"}, {"BATCH_TASK_COUNT", "3"}}), "2/3");
  EXPECT_EQ(place("auto", {{"CLOUD_RUN_TASK_INDEX", "0"}, {"CLOUD_RUN_TASK_COUNT", "3"}}), "1/3");
}

TEST(ArrayTask, WhatIsNotClearIsRefused) {
  const Environment retry{{"SLURM_ARRAY_TASK_ID", "3"},
                          {"SLURM_ARRAY_TASK_COUNT", "3"},
                          {"SLURM_ARRAY_TASK_MIN", "1"},
                          {"SLURM_ARRAY_TASK_MAX", "5"},
                          {"SLURM_ARRAY_TASK_STEP", "1"}};
  EXPECT_THAT(place("auto", retry), HasSubstr("array with gaps"));
  EXPECT_EQ(place("auto/8", retry), "4/8");
  EXPECT_EQ(place("auto/8@1", retry), "3/8");
  EXPECT_THAT(place("auto/3", retry), HasSubstr("auto/3@1"));
  EXPECT_THAT(place("auto", {}), HasSubstr("no task of a job array"));
  EXPECT_THAT(place("auto", {{"LSB_JOBINDEX", "0"}, {"SGE_TASK_ID", "undefined"}}),
              HasSubstr("no task of a job array"));
  EXPECT_THAT(place("auto", {{"JOB_COMPLETION_INDEX", "0"}}), HasSubstr("auto/8"));
  EXPECT_THAT(place("auto", {{"PBS_ARRAY_INDEX", "1"}}), HasSubstr("auto/8@1"));
  EXPECT_THAT(place("auto/8", {{"PBS_ARRAY_INDEX", "1"}}), HasSubstr("auto/8@1"));
  EXPECT_THAT(place("auto/2", {{"PARALLEL_SEQ", "1"}, {"JOB_COMPLETION_INDEX", "0"}}),
              HasSubstr("Kubernetes (JOB_COMPLETION_INDEX) and of GNU parallel (PARALLEL_SEQ)"));
  EXPECT_THAT(place("auto/2", {{"SLURM_ARRAY_TASK_ID", "1"}, {"SLURM_NTASKS", "4"}}),
              HasSubstr("SLURM_NTASKS is 4"));
  EXPECT_THAT(place("auto", {{"AWS_BATCH_JOB_ARRAY_INDEX", "x"}}), HasSubstr("not a number"));
}

TEST(ArrayTask, WordsThatAreNoPart) {
  for (const char* word : {"", "3", "0/3", "4/3", "a/3", "3/", "/3", "auto/", "auto/0", "auto/3@",
                           "auto/3@x", "autos", "1/3@0", "-1/3"}) {
    EXPECT_THROW(parse_part(word), Error) << word;
  }
}

std::vector<CorpusUnit> units_of(const std::vector<std::uint64_t>& sizes) {
  std::vector<CorpusUnit> units;
  for (std::size_t i = 0; i < sizes.size(); ++i) units.push_back({i, 1, false, {0, sizes[i]}, 0});
  return units;
}

TEST(PartChoice, EveryUnitOnceAndBalanced) {
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t i = 0; i < 100; ++i) sizes.push_back(i % 7 == 0 ? 0 : 1 + i * 13 % 50);
  const std::vector<CorpusUnit> units = units_of(sizes);
  std::uint64_t total = 0;
  for (const std::uint64_t size : sizes) total += size;
  for (const std::uint64_t parts : {1U, 2U, 3U, 7U, 64U, 300U}) {
    std::vector<std::size_t> all;
    for (std::uint64_t part = 1; part <= parts; ++part) {
      std::uint64_t bytes = 0;
      for (const std::size_t unit : choose_units(units, {part, parts, {}, 0})) {
        all.push_back(unit);
        bytes += sizes[unit];
      }
      EXPECT_LE(bytes, total / parts + 51 + 15) << part << "/" << parts;
    }
    ASSERT_EQ(all.size(), units.size());
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], i);
  }
}

TEST(PartChoice, Lists) {
  const std::vector<CorpusUnit> units = units_of(std::vector<std::uint64_t>(20, 8));
  PartChoice choice{2, 2, parse_unit_list("--units", "17, 3-5\n4,9"), 0};
  EXPECT_THAT(choose_units(units, choice), ElementsAre(5, 9, 17));
  choice.part = 1;
  EXPECT_THAT(choose_units(units, choice), ElementsAre(3, 4));
  choice.units = parse_unit_list("--units", "20");
  EXPECT_THROW(choose_units(units, choice), Error);
  for (const char* word : {"", ",", "a", "3-", "5-3", "1-2-3", "1;2", "99999999999999999999"}) {
    EXPECT_THROW(parse_unit_list("--units", word), Error) << word;
  }
  const std::vector<std::size_t> shown{1, 3, 4, 5, 9, 10};
  EXPECT_EQ(show_units(shown), "1,3-5,9-10");
  EXPECT_EQ(show_units({}), "");
}

UnitRecord sample_record() {
  UnitRecord record;
  record.unit = 3;
  record.unit_bytes = 4096;
  record.range = {0, 1, true, {4096, 8192}, 0};
  record.identity = testing::sample_identity();
  record.inputs.push_back({"in.jsonl", 9000, -5, 4100, Hash128{1, 2}.hex()});
  record.records = 7;
  record.rejected = 1;
  record.rows = 6;
  record.lines = 8;
  record.host = "n1";
  record.seconds = 1.25;
  record.rejects = FileEntry{unit_rejects_name(3), 10, {3, 4}};
  ShardEntry shard;
  shard.name = unit_shard_name(3, 0);
  shard.rows = 6;
  shard.bytes = 100;
  shard.hash = {5, 6};
  record.shards.push_back(shard);
  return record;
}

TEST(UnitFiles, AreReadBack) {
  const testing::TempFolder folder;
  const Directory directory(folder.path().string(), false);
  EXPECT_FALSE(load_unit_record(directory, 3));
  directory.make_folder(kUnitsFolder);
  EXPECT_FALSE(load_unit_record(directory, 3));
  const std::string text = to_json(sample_record());
  directory.publish(unit_record_name(3), text);
  const auto back = load_unit_record(directory, 3);
  ASSERT_TRUE(back);
  EXPECT_EQ(to_json(*back), text);
  EXPECT_THAT(missing_file(directory, *back), HasSubstr("part-000003-00000.parquet is missing"));

  UnitPlan plan{testing::sample_identity(), 4096, {{0, 1, true, {0, 4096}, 0}}};
  EXPECT_TRUE(directory.publish_new(kPlanName, to_json(plan)));
  plan.unit_bytes = 1;
  EXPECT_FALSE(directory.publish_new(kPlanName, to_json(plan)));
  EXPECT_EQ(load_unit_plan(directory)->unit_bytes, 4096U);
  EXPECT_THAT(plan_difference(*load_unit_plan(directory), plan), HasSubstr("--unit"));
}

TEST(UnitFiles, AnyDamageIsSeen) {
  const testing::TempFolder folder;
  const Directory directory(folder.path().string(), false);
  directory.make_folder(kUnitsFolder);
  const std::string text = to_json(sample_record());
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::string damaged = text;
    damaged[i] = static_cast<char>(damaged[i] ^ 4);
    directory.publish(unit_record_name(3), damaged);
    EXPECT_THROW(load_unit_record(directory, 3), Error) << i;
  }
  directory.publish(unit_record_name(4), text);
  EXPECT_THROW(load_unit_record(directory, 4), Error) << "of another unit";
}

TEST(UnitFiles, ShardNames) {
  EXPECT_EQ(unit_shard_name(42, 7), "data/part-000042-00007.parquet");
  EXPECT_TRUE(is_unit_shard_name(unit_shard_name(999999, 99999)));
  EXPECT_FALSE(is_unit_shard_name("data/part-00042.parquet"));
  EXPECT_FALSE(is_unit_shard_name("data/part-000042-00007.parquet/x"));
  EXPECT_FALSE(is_unit_shard_name("../a/part-000042-00007.parquet"));
  EXPECT_TRUE(is_output_name(unit_shard_name(1, 1)));
}

}  // namespace
}  // namespace embedtool
