// How fast a corpus is read: records to the program, their texts and vectors in memory, nothing
// encoded. Prints one JSON object a round: megabytes of text (and of vectors, as f32) a second of
// this thread's CPU time. bench/corpora.py makes the same corpus in many formats and runs this.
//
// usage: read_corpus FILE [TEXT-FIELD [VECTOR-FIELD [ROUNDS]]]
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

#include "bench/no_rejects.hpp"
#include "core/base/error.hpp"
#include "core/pipeline/run_options.hpp"
#include "formats/corpus/corpus.hpp"

namespace {

using namespace embedtool;

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void read_once(const CorpusOptions& options) {
  NoRejects rejects;
  const double start = cpu_seconds();
  const auto source = open_corpus(options, rejects);
  DocumentBlock block;
  std::size_t texts = 0;
  std::size_t vectors = 0;
  while (source->read(block, RunOptions{}.window)) {
    texts += block.bytes.size();
    vectors += block.values.size() * sizeof(float);
  }
  const double seconds = cpu_seconds() - start;
  std::printf(
      "{\"records\": %llu, \"text_mb\": %.1f, \"vector_mb\": %.1f, \"cpu_s\": %.3f, "
      "\"mb_per_s\": %.0f}\n",
      static_cast<unsigned long long>(source->progress().records), static_cast<double>(texts) / 1e6,
      static_cast<double>(vectors) / 1e6, seconds,
      static_cast<double>(texts + vectors) / 1e6 / seconds);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: read_corpus FILE [TEXT-FIELD [VECTOR-FIELD [ROUNDS]]]\n";
    return 2;
  }
  try {
    CorpusOptions options;
    options.inputs = {argv[1]};
    if (argc > 2 && *argv[2] != '\0') options.text_fields = {argv[2]};
    if (argc > 3 && *argv[3] != '\0') options.vector_field = argv[3];
    const int rounds = argc > 4 ? std::atoi(argv[4]) : 5;
    for (int i = 0; i < rounds; ++i) read_once(options);
  } catch (const std::exception& error) {
    std::cerr << "read_corpus: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
