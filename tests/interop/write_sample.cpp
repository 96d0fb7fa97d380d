// Writes seeded sample outputs for readers written by others, each in Parquet and as our own
// exports to compare with: write_sample DIR [ROWS [DIMS]]. For every dtype, single and
// multi-vector:
//   DIR/NAME/data/part-*.parquet, DIR/NAME.jsonl, DIR/NAME.npy, DIR/NAME.one.parquet
// and, as --encoding split and --vector-type list write it, DIR/NAME.split and DIR/NAME.list.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "formats/output/export_output.hpp"
#include "tests/support/output_testing.hpp"

namespace {

using namespace embedtool;

void write_one(const std::string& dir, OutputType type, bool multi, std::size_t rows,
               std::size_t dims) {
  const std::string name = std::string(name_of(type)) + (multi ? "_multi" : "");
  testing::SampleRun how;
  how.spec = testing::sample_spec(type, dims, multi, 4);
  how.shards.rows_per_shard = rows / 3 + 1;
  testing::FaultyOps unsynced(UINT64_MAX);
  const std::string out = dir + "/" + name;
  testing::write_sample(out, testing::RowGenerator(how.spec, 11).make(rows), how, unsynced);
  ExportOptions replace;
  replace.overwrite = true;
  export_output(out, ExportFormat::jsonl, out + ".jsonl", replace);
  export_output(out, ExportFormat::npy, out + ".npy", replace);
  export_output(out, ExportFormat::parquet, out + ".one.parquet", replace);
  testing::SampleRun lists = how;
  lists.shards.parquet.vectors = VectorType::list;
  testing::write_sample(out + ".list", testing::RowGenerator(how.spec, 11).make(rows), lists,
                        unsynced);
  how.shards.parquet.encoding = VectorEncoding::split;
  testing::write_sample(out + ".split", testing::RowGenerator(how.spec, 11).make(rows), how,
                        unsynced);
}

/// Weights of tokens: npy has no place for them.
void write_sparse(const std::string& dir, std::size_t rows) {
  testing::SampleRun how;
  how.spec = testing::sparse_spec(3000, 4);
  how.shards.rows_per_shard = rows / 3 + 1;
  testing::FaultyOps unsynced(UINT64_MAX);
  const std::string out = dir + "/sparse";
  testing::write_sample(out, testing::RowGenerator(how.spec, 11).make(rows), how, unsynced);
  ExportOptions replace;
  replace.overwrite = true;
  export_output(out, ExportFormat::jsonl, out + ".jsonl", replace);
  export_output(out, ExportFormat::parquet, out + ".one.parquet", replace);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: write_sample DIR [ROWS [DIMS]]\n", stderr);
    return 2;
  }
  const std::size_t rows = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 2000;
  const std::size_t dims = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 50;
  try {
    for (const OutputType type :
         {OutputType::f32, OutputType::f16, OutputType::int8, OutputType::binary}) {
      for (const bool multi : {false, true}) write_one(argv[1], type, multi, rows, dims);
    }
    write_sparse(argv[1], rows);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_sample: %s\n", error.what());
    return 1;
  }
  return 0;
}
