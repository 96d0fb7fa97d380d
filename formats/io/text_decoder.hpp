#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace embedtool {

enum class Encoding : std::uint8_t { utf8, utf16le, utf16be, utf32le, utf32be };

/// How the bytes of a text are stored.
struct TextCoding {
  Encoding encoding = Encoding::utf8;
  /// Lines end with a lone CR (Mac OS before X): it is read as LF.
  bool cr_lines = false;

  bool is_plain() const { return encoding == Encoding::utf8 && !cr_lines; }
};

/// What the first bytes of a text say: its byte order mark, or where its NUL bytes are. Anything
/// that is not clearly UTF-16 or UTF-32 is UTF-8. Lines end with CR if `head` has a CR and no LF.
TextCoding detect_coding(std::string_view head);

/// Turns stored text into UTF-8, in pieces as it arrives. What is not valid in the encoding (half a
/// surrogate pair, a number beyond Unicode, a unit that is cut off at the end) becomes bytes that
/// are not valid UTF-8, so that the record that holds it is rejected and no other. Not thread-safe.
class TextDecoder {
 public:
  explicit TextDecoder(TextCoding coding) : coding_(coding) {}

  /// Appends the UTF-8 of `bytes`, at most three bytes for each two (or one for one), to `out`.
  void decode(std::string_view bytes, std::string& out);
  /// Nothing follows: appends what an incomplete unit becomes.
  void finish(std::string& out);

 private:
  void take_unit(std::uint32_t unit, std::string& out);
  void put(std::uint32_t code, std::string& out);

  TextCoding coding_;
  std::uint32_t unit_ = 0;   ///< bytes of an incomplete unit
  unsigned unit_bytes_ = 0;  ///< how many
  std::uint32_t high_ = 0;   ///< a high surrogate that waits for its other half
  bool after_cr_ = false;
};

}  // namespace embedtool
