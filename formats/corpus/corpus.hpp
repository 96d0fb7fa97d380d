#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/ports.hpp"
#include "formats/corpus/corpus_options.hpp"
#include "formats/corpus/input_digest.hpp"

namespace embedtool {

/// Where a resumed run continues, and how it recognises that the input is the same.
struct ResumePoint {
  std::uint64_t skip = 0;       ///< records (by ordinal) that are done
  std::uint64_t witnesses = 0;  ///< of that many records …
  std::uint64_t prefix = 0;     ///< … the last had this Record::prefix; 0 witnesses: none
};

/// Files that nothing was in.
struct EmptyInputs {
  std::vector<std::string> examples;  ///< "NAME: is empty (0 bytes)", the first few
  std::uint64_t count = 0;
  std::uint64_t files = 0;  ///< all that were read
};

/// The documents of files and pipes.
class CorpusSource : public DocumentSource {
 public:
  /// Call before the first read(), which then skips the records that are done: they are parsed,
  /// counted and dropped. It throws Error(usage) before handing out any record if the input is not
  /// the one that was begun.
  virtual void resume(const ResumePoint& point) = 0;
  /// One entry per InputGroup that was read to its end, in order. Call after read() has returned
  /// false.
  virtual std::span<const InputDigest> digests() const = 0;
  /// Of an input file, by Record::file: for messages.
  virtual std::string file_name(std::uint32_t file) const = 0;
  /// After read() has returned false.
  virtual const EmptyInputs& empty_inputs() const = 0;
};

/// Opens a corpus: every input is checked, and the first block of every file on disk is read,
/// before this returns: what is no corpus, and a header that does not fit, show here. `rejects`
/// must outlive the source; the options are copied. Throws Error(usage) on options that do not fit
/// the inputs, Error(failed) on inputs that cannot be read.
std::unique_ptr<CorpusSource> open_corpus(const CorpusOptions& options, RejectSink& rejects);

/// What CorpusOptions::format accepts.
std::vector<std::string_view> input_format_names();

}  // namespace embedtool
