#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/ports.hpp"
#include "formats/corpus/corpus_options.hpp"
#include "formats/corpus/corpus_source.hpp"

namespace embedtool {

/// A uniform choice of `size` of a corpus' usable records, without replacement: those with the
/// smallest keys. A key depends on the seed and on Record::position alone, so the choice depends on
/// nothing else; a smaller sample with the same seed is part of a larger one, and records appended
/// to a corpus replace only as many as they are its share. Not thread-safe.
class SampleChoice {
 public:
  SampleChoice(std::uint64_t size, std::uint64_t seed);

  /// All different: a bijection of the positions (the outputs of splitmix64, whose state the seed
  /// sets).
  std::uint64_t key(std::uint64_t position) const;
  /// Whether a record is among the smallest so far; if so, the one that it drives out no longer is.
  bool offer(std::uint64_t key);
  /// After all records were offered.
  bool has(std::uint64_t key) const { return !full() || key <= smallest_.front(); }

 private:
  bool full() const { return smallest_.size() == size_; }

  std::uint64_t size_;
  std::uint64_t state_;
  std::vector<std::uint64_t> smallest_;  ///< a heap, the largest of them at the front
};

/// Whether a sample of the corpus has to be held in memory, because some input can be read only
/// once. `options.files` is set.
bool holds_sample(const CorpusOptions& options);

/// Opens a corpus without CorpusOptions::sample.
using OpenCorpus = std::unique_ptr<CorpusSource> (*)(const CorpusOptions&, RejectSink&);

/// Opens a corpus of which only CorpusOptions::sample records come out, in their order. Files are
/// read twice: to learn which records, and for these. Where some input can be read only once, all
/// is read once and the choice held in memory; more than CorpusOptions::sample_bytes of it, or very
/// many bad records, are Error(failed).
std::unique_ptr<CorpusSource> open_sample(const CorpusOptions& options, RejectSink& rejects,
                                          OpenCorpus open);

}  // namespace embedtool
