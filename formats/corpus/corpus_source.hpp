#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/ports.hpp"
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

}  // namespace embedtool
