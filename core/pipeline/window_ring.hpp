#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace embedtool {

/// Decides which step of which window may run next. Windows go round a ring of slots in input
/// order, and each passes through
///   empty → read → tokenizing → (planned) → encoding → (finished) → done → written → empty
/// with tokenizing and encoding cut into parts that run at once. Holds only numbers: no window, no
/// thread, no lock. The caller locks it and does the work.
class WindowRing {
 public:
  enum class Step : std::uint8_t { tokenize, encode };
  struct Task {
    std::size_t slot = 0;
    Step step = Step::tokenize;
    std::size_t part = 0;      ///< chunk or batch
    std::uint64_t window = 0;  ///< its number, in input order from 0
  };

  /// `slots` ≥ 1.
  explicit WindowRing(std::size_t slots) : slots_(slots) {}

  // The reader.
  /// The slot for the next window, if it is free.
  std::optional<std::size_t> slot_to_read() const;
  /// The next window is in that slot, in `chunks` parts. Returns true if there is nothing to
  /// tokenize; the caller then plans the window.
  bool read(std::size_t chunks);
  void end_input() { input_ended_ = true; }
  std::uint64_t windows_read() const { return read_; }

  // The workers.
  /// A part to work on. Parts of an earlier window go first. Tokenizing goes before encoding: it is
  /// short, and it ensures that batches of the next window are ready when this one runs out.
  std::optional<Task> take();
  /// A part is done. Returns true if it was the last of its step; the caller then plans the window
  /// (tokenize) or finishes it (encode).
  bool complete(const Task& task);
  /// The window is cut into batches. Returns true if there are none; the caller then finishes it.
  bool planned(std::size_t slot, std::size_t batches);
  /// The window's rows are complete.
  void finished(std::size_t slot);

  // The writer.
  /// The slot of the next window in input order, once it is done.
  std::optional<std::size_t> slot_to_write() const;
  void written();
  std::uint64_t windows_written() const { return written_; }

  /// Everything that was read has been written, and the input has ended.
  bool drained() const { return input_ended_ && written_ == read_; }

 private:
  enum class Phase : std::uint8_t { empty, tokenizing, encoding, done };
  struct Slot {
    Phase phase = Phase::empty;
    std::size_t parts = 0;
    std::size_t next = 0;     ///< first part not yet taken
    std::size_t pending = 0;  ///< parts that are not done
  };

  void begin(Slot& slot, Phase phase, std::size_t parts);

  std::vector<Slot> slots_;
  std::uint64_t read_ = 0;     ///< windows; those in [written_, read_) are in flight
  std::uint64_t written_ = 0;  ///< windows
  bool input_ended_ = false;
};

}  // namespace embedtool
