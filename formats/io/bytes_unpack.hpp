#pragma once

#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace embedtool {

/// One step of decompression.
struct Unpacked {
  std::size_t consumed = 0;
  std::size_t produced = 0;
  const char* error = nullptr;   ///< static text if the data are corrupt
  const char* remedy = nullptr;  ///< for an error that another copy of the file does not mend
};

/// A streaming decompressor with bounded memory. Not thread-safe.
class Unpacker {
 public:
  virtual ~Unpacker() = default;
  /// Unpacks what it can of `in` (may be empty, to drain) into `out`.
  virtual Unpacked unpack(std::span<const char> in, std::span<char> out) = 0;
  /// True if the input may end here: after a complete member or frame.
  virtual bool complete() const = 0;
};

/// How streams are unpacked.
struct UnpackOptions {
  bool long_windows = false;  ///< zstd: windows of up to 2 GiB, not 128 MiB
  /// What a window may take: this, and no more than the format's own bound.
  std::size_t window_bytes = std::numeric_limits<std::size_t>::max();
};

/// The remedy for a window that is refused by UnpackOptions::window_bytes.
inline constexpr const char* kRaiseMemory =
    "raise --memory-limit, or the control group's limit, or unpack the file first";

/// One row of the table of compressions.
struct Compression {
  enum class Match { no, yes, too_short };

  std::string_view name;
  /// Is `head` (the first bytes of a file) in this format? too_short: it may turn out to be.
  Match (*match)(std::string_view head);
  std::unique_ptr<Unpacker> (*open)(const UnpackOptions& options);
  bool large_windows = false;  ///< unpacking may take more than a few MiB
};

/// Does `head` start with `magic`?
Compression::Match match_magic(std::string_view head, std::string_view magic);

/// Unpacks all of `in` into `out`; false unless it is whole and gives `size` bytes. Memory is taken
/// as bytes come, so that a `size` that is a lie costs none.
bool unpack_whole(const Compression& compression, std::span<const char> in, std::size_t size,
                  std::vector<std::byte>& out);

extern const Compression kGzip;
extern const Compression kZstd;
extern const Compression kBzip2;
extern const Compression kXz;
extern const Compression kLz4;

}  // namespace embedtool
