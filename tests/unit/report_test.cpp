#include "formats/report/report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace embedtool {
namespace {

void spend(StageTotals& stage, std::uint64_t wall_ms, std::uint64_t cpu_ms, std::uint64_t calls) {
  stage.wall_ns = wall_ms * 1'000'000;
  stage.cpu_ns = cpu_ms * 1'000'000;
  stage.calls = calls;
  for (std::uint64_t i = 0; i < calls; ++i) stage.per_call.add(stage.wall_ns / calls);
}

void add_thread(RunReport& report, const char* name, const StageTable& stages) {
  report.times.stages.merge(stages);
  report.times.threads.push_back({name, stages, Timeline(0), {}});
}

RunReport small_run() {
  RunReport report;
  report.counts.records = 10;
  report.counts.rows = 9;
  report.counts.tokens = 4000;
  report.times.wall_ns = 2'000'000'000;
  report.times.encode_wall_ns = 1'000'000'000;
  report.times.process_cpu_ns = 1'500'000'000;
  report.work.linear_flops = 3e9;
  report.work.padding = {4000, 6000, 4400, 4096};
  report.counts.bytes_raw = 200;
  report.counts.bytes_written = 100;
  StageTable worker;
  spend(worker[Stage::gemm], 700, 690, 7);
  spend(worker[Stage::attention], 100, 90, 7);
  spend(worker[Stage::head], 10, 10, 1);
  spend(worker[Stage::idle], 50, 1, 3);
  StageTable reader;
  spend(reader[Stage::tokenize], 30, 20, 2);
  add_thread(report, "worker 0", worker);
  add_thread(report, "reader", reader);
  return report;
}

nlohmann::json written(const RunReport& report, const ReportContext& context = {}) {
  return nlohmann::json::parse(report_json(report, context));
}

TEST(Report, HasTheFieldsThatItsContractNames) {
  const nlohmann::json json = written(small_run());
  for (const char* field : {"schema",
                            "tokenization_ms",
                            "tensor_conversion_ms",
                            "model_inference_ms",
                            "pooling_ms",
                            "normalization_ms",
                            "total_ms",
                            "tokens_per_second",
                            "memory_peak_mb",
                            "cpu_utilization_percent",
                            "gpu_utilization_percent",
                            "counts",
                            "stages",
                            "threads",
                            "padding",
                            "lengths",
                            "bytes",
                            "memory",
                            "compute",
                            "gflops",
                            "batch_ms"}) {
    EXPECT_TRUE(json.contains(field)) << field;
  }
  EXPECT_TRUE(json.at("gpu_utilization_percent").is_null());
  for (std::size_t i = 0; i < kStageCount; ++i) {
    EXPECT_TRUE(json.at("stages").contains(name_of(static_cast<Stage>(i))));
  }
}

TEST(Report, TimesAreCpuTimesOfTheirStages) {
  const nlohmann::json json = written(small_run());
  EXPECT_DOUBLE_EQ(json.at("tokenization_ms"), 20);
  EXPECT_DOUBLE_EQ(json.at("model_inference_ms"), 690 + 90 + 10);
  EXPECT_DOUBLE_EQ(json.at("total_ms"), 2000);
  const nlohmann::json& worker = json.at("threads").at(0);
  EXPECT_DOUBLE_EQ(worker.at("cpu_ms"), 690 + 90 + 10 + 1);
  EXPECT_DOUBLE_EQ(worker.at("idle_ms"), 50);
  EXPECT_FALSE(worker.at("stages").contains("tokenize"));
}

TEST(Report, RatesAndShares) {
  ReportContext context;
  context.cpus = 2;
  const nlohmann::json json = written(small_run(), context);
  EXPECT_DOUBLE_EQ(json.at("texts_per_second"), 9);
  EXPECT_DOUBLE_EQ(json.at("tokens_per_second"), 4000);
  EXPECT_DOUBLE_EQ(json.at("gflops").at("linear"), 3);
  EXPECT_DOUBLE_EQ(json.at("cpu_utilization_percent"), 100 * 1.5 / (2 * 2));
  EXPECT_DOUBLE_EQ(json.at("padding").at("arrival_percent"), 50);
  EXPECT_DOUBLE_EQ(json.at("padding").at("actual_percent"), 2.4);
  EXPECT_DOUBLE_EQ(json.at("bytes").at("compression_ratio"), 2);
}

TEST(Report, StartupIsAStageOfItsOwn) {
  ReportContext context;
  context.startup_cpu_ns = 3'000'000;
  EXPECT_DOUBLE_EQ(written(small_run(), context).at("stages").at("startup").at("cpu_ms"), 3);
}

TEST(Report, ARunOverNothingHasNullRates) {
  const nlohmann::json json = written(RunReport{});
  EXPECT_TRUE(json.at("texts_per_second").is_null());
  EXPECT_TRUE(json.at("padding").at("actual_percent").is_null());
  EXPECT_TRUE(json.at("bytes").at("compression_ratio").is_null());
}

TEST(Report, HistogramsAreHalfOpenAndComplete) {
  RunReport report;
  for (const std::uint64_t tokens : {0, 1, 2, 3, 3, 20, 700}) report.work.text_lengths.add(tokens);
  const nlohmann::json lengths = written(report).at("lengths");
  EXPECT_EQ(lengths, nlohmann::json::parse(R"([{"from":0,"to":1,"count":1},
    {"from":1,"to":2,"count":1},{"from":2,"to":3,"count":1},{"from":3,"to":4,"count":2},
    {"from":20,"to":22,"count":1},{"from":640,"to":704,"count":1}])"));
}

TEST(Report, AccountingNamesWhatNoStageExplains) {
  RunReport report = small_run();
  StageTable main;
  spend(main[Stage::load], 1900, 600, 1);
  add_thread(report, "main", main);
  const nlohmann::json accounting = written(report).at("accounting");
  EXPECT_DOUBLE_EQ(accounting.at("cpu_stages_ms"), 690 + 90 + 10 + 1 + 20 + 600);
  EXPECT_NEAR(accounting.at("cpu_unexplained_percent"), 100 * (1500 - 1411) / 1500.0, 1e-4);
  EXPECT_DOUBLE_EQ(accounting.at("wall_unexplained_percent"), 5);
}

TEST(Report, RooflineTakesTheHigherOfTwoLimits) {
  RunReport report = small_run();  // 3 GFLOP in a second
  EXPECT_TRUE(written(report).at("roofline").at("of_limit_percent").is_null());
  report.work.least_bytes = 1e9;
  report.machine.peaks = {.gemm_flops = 6e9, .f32_flops = 6e9, .read_bytes = 10e9};
  const nlohmann::json compute = written(report).at("roofline");
  EXPECT_EQ(compute.at("limit"), "compute");
  EXPECT_DOUBLE_EQ(compute.at("of_limit_percent"), 50);
  report.machine.peaks.read_bytes = 1.25e9;
  const nlohmann::json memory = written(report).at("roofline");
  EXPECT_EQ(memory.at("limit"), "memory");
  EXPECT_DOUBLE_EQ(memory.at("of_limit_percent"), 80);
}

TEST(Report, CountersAreNullWithAReason) {
  RunReport report;
  report.machine.counters.why_not = "not allowed";
  const nlohmann::json counters = written(report).at("counters");
  EXPECT_TRUE(counters.at("instructions").is_null());
  EXPECT_EQ(counters.at("why_not"), "not allowed");
}

TEST(Report, AdviceFollowsTheFigures) {
  RunReport report = small_run();
  report.machine.workers = 1;
  report.machine.compute = "f32";
  const nlohmann::json advice = written(report,
                                        [] {
                                          ReportContext context;
                                          context.cpus = 4;
                                          return context;
                                        }())
                                    .at("advice");
  ASSERT_EQ(advice.size(), 2U);
  EXPECT_NE(advice.at(0).get<std::string>().find("--threads 4"), std::string::npos);
  EXPECT_NE(advice.at(1).get<std::string>().find("--compute bf16"), std::string::npos);
  EXPECT_TRUE(written(RunReport{}).at("advice").empty());
}

TEST(Report, SurvivesBytesThatAreNotUtf8) {
  ReportContext context;
  context.settings = {{"prompt", "\xff"}};
  EXPECT_NO_THROW(written(small_run(), context));
}

}  // namespace
}  // namespace embedtool
