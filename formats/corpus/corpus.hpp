#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"
#include "formats/corpus/corpus_options.hpp"

namespace embedtool {

/// Where a resumed run continues, and how it recognises that the input is the same.
struct ResumePoint {
  std::uint64_t skip = 0;       ///< records (by ordinal) that are done
  std::uint64_t witnesses = 0;  ///< of that many records …
  std::uint64_t prefix = 0;     ///< … the last had this Record::prefix; 0 witnesses: none
};

/// What was read of an input, after its end.
struct InputDigest {
  std::uint64_t bytes = 0;  ///< as stored
  Hash128 hash;
  bool empty = false;  ///< it was empty after decompression
};

/// The documents of files and pipes.
class CorpusSource : public DocumentSource {
 public:
  /// Call before the first read(), which then skips the records that are done: they are parsed,
  /// counted and dropped. It throws Error(usage) before handing out any record if the input is not
  /// the one that was begun.
  virtual void resume(const ResumePoint& point) = 0;
  /// One entry per input that was read to its end, in order. Call after read() has returned false.
  virtual std::span<const InputDigest> digests() const = 0;
};

/// Opens a corpus: every input is checked, and the header of every CSV file on disk is read, before
/// this returns. `rejects` must outlive the source; the options are copied. Throws Error(usage) on
/// options that do not fit the inputs, Error(failed) on inputs that cannot be read.
std::unique_ptr<CorpusSource> open_corpus(const CorpusOptions& options, RejectSink& rejects);

/// Reads an input to its end and hashes it. Throws Error(failed) on a read error, also when `stop`
/// turned true.
InputDigest digest_input(const std::string& path, const std::atomic<bool>& stop);

/// Names of inputs for messages, as the source's file_names(): what a RejectLog needs before the
/// source exists.
std::vector<std::string> corpus_file_names(const CorpusOptions& options);

/// What CorpusOptions::format accepts.
std::vector<std::string_view> input_format_names();

}  // namespace embedtool
