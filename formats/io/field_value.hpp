#pragma once

// Kept fields that are not strings. A run carries every value as text; the text of a typed value is
// canonical, which means that equal values have equal texts. It is checked where a record is read
// and becomes a number again where a row is written.

#include <cstdint>
#include <string>
#include <string_view>

#include "core/data.hpp"

namespace embedtool {

/// A field as --keep names it: NAME or NAME:TYPE. A name that itself ends in a type needs one.
KeptField kept_field(std::string_view word);
/// The reverse.
std::string kept_word(const KeptField& field);

/// "a whole number of 64 bits": for messages.
std::string_view describe(FieldType type);

/// Appends the canonical text of the value that `text` writes: a number in decimal ("3.0" is a
/// whole number, too), true or false in lower or upper case. False, and nothing is appended, if it
/// is no value of that type, which is not string.
bool append_canonical(FieldType type, std::string_view text, std::string& out);

// The value of a canonical text.
std::int64_t int64_of(std::string_view canonical);
double float64_of(std::string_view canonical);
inline bool boolean_of(std::string_view canonical) {
  return canonical == "true";
}

// The reverse.
std::string canonical_text(std::int64_t value);
std::string canonical_text(double value);
inline std::string_view canonical_text(bool value) {
  return value ? "true" : "false";
}

/// Appends a value of any type in JSON. `text` is canonical; numbers that JSON does not know (NaN
/// and the infinities) become null.
void append_json_field(std::string& out, FieldType type, std::string_view text);

}  // namespace embedtool
