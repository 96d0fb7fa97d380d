#pragma once

#include <string>
#include <string_view>

namespace embedtool {

/// Data on standard output, in large writes. Not thread-safe. What is buffered is written by
/// flush() and lost otherwise: a destructor cannot report a full disk.
class StdoutWriter {
 public:
  /// Throws Error(failed) when it cannot be written.
  void write(std::string_view bytes);
  void flush();

 private:
  std::string buffer_;
};

/// Writes all of a short text to standard output. Throws as above.
void print_to_stdout(std::string_view text);

}  // namespace embedtool
