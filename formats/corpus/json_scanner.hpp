#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace embedtool {

/// Finds where a JSON value ends, in pieces as its bytes arrive. Strict about structure (brackets,
/// commas, colons, strings on one line), so that damage shows where it is; what numbers, literals
/// and escapes are worth is left to the parser that gets the value. Not thread-safe.
class JsonScanner {
 public:
  enum class Status : std::uint8_t { value, need_more, bad };

  /// Values nested deeper are bad.
  explicit JsonScanner(std::size_t max_depth) : max_depth_(max_depth) {}

  /// Begins a new value.
  void restart();
  /// Continues. `view` starts at the value's first byte and only grows from call to call; `final`:
  /// no bytes follow it.
  Status scan(std::string_view view, bool final);
  /// Bytes scanned: the value's, or those before the damage.
  std::size_t size() const { return position_; }
  /// The first size() bytes are being dropped: the next view starts behind them.
  void drop_scanned() { position_ = 0; }

 private:
  enum class Expect : std::uint8_t {
    value,
    first_element,  ///< or the array's end
    key,
    first_key,  ///< or the object's end
    colon,
    separator,  ///< or the container's end
    string,     ///< its end
    escaped,    ///< the byte behind a backslash
    scalar,     ///< its end
    done,
  };

  bool step(std::string_view view);
  bool skip_string(std::string_view view);
  bool structural(char c);
  bool begin_value(char c);
  bool open(bool object);
  bool close(bool object);
  void end_value();

  std::size_t max_depth_;
  std::vector<bool> objects_;  ///< the open containers: objects, else arrays
  std::size_t position_ = 0;
  Expect expect_ = Expect::value;
  bool is_key_ = false;  ///< the string is a key
};

}  // namespace embedtool
