#include "formats/report.hpp"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace embedtool {
namespace {

StageTotals totals(std::uint64_t wall_ms, std::uint64_t cpu_ms, std::uint64_t calls) {
  StageTotals t;
  t.wall_ns = wall_ms * 1'000'000;
  t.cpu_ns = cpu_ms * 1'000'000;
  t.calls = calls;
  for (std::uint64_t i = 0; i < calls; ++i) t.per_call.add(t.wall_ns / calls);
  return t;
}

RunReport small_run() {
  RunReport report;
  report.records = 10;
  report.rows = 9;
  report.tokens = 4000;
  report.wall_ns = 2'000'000'000;
  report.encode_wall_ns = 1'000'000'000;
  report.process_cpu_ns = 1'500'000'000;
  report.linear_flops = 3e9;
  report.padding = {4000, 6000, 4400, 4096};
  report.bytes_raw = 200;
  report.bytes_written = 100;
  StageTable worker{};
  worker[static_cast<std::size_t>(Stage::gemm)] = totals(700, 690, 7);
  worker[static_cast<std::size_t>(Stage::attention)] = totals(100, 90, 7);
  worker[static_cast<std::size_t>(Stage::head)] = totals(10, 10, 1);
  worker[static_cast<std::size_t>(Stage::idle)] = totals(50, 1, 3);
  StageTable reader{};
  reader[static_cast<std::size_t>(Stage::tokenize)] = totals(30, 20, 2);
  report.add_thread("worker 0", worker);
  report.add_thread("reader", reader);
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
  for (const std::uint64_t tokens : {0, 1, 2, 3, 4, 700}) report.text_lengths.add(tokens);
  const nlohmann::json lengths = written(report).at("lengths");
  EXPECT_EQ(lengths, nlohmann::json::parse(R"([{"from":0,"to":2,"count":2},
    {"from":2,"to":4,"count":2},{"from":4,"to":8,"count":1},{"from":512,"to":1024,"count":1}])"));
}

TEST(Report, SurvivesBytesThatAreNotUtf8) {
  ReportContext context;
  context.settings = {{"prompt", "\xff"}};
  EXPECT_NO_THROW(written(small_run(), context));
}

}  // namespace
}  // namespace embedtool
