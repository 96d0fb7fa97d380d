#include "formats/output/sealed_json.hpp"

#include <fmt/core.h>

#include <charconv>
#include <utility>

#include "formats/io/damaged.hpp"

namespace embedtool {
namespace {

using Json = SealedJson;

constexpr int kMaxDepth = 8;
constexpr std::size_t kDigits = 32;

/// What precedes the checksum's digits, and what follows them.
struct Frame {
  std::string_view head;
  std::string_view tail;
};
constexpr Frame kPretty{",\n  \"checksum\": \"", "\"\n}\n"};
constexpr Frame kLine{",\"checksum\":\"", "\"}\n"};

// JSON has no canonical form, so that the bytes themselves are hashed, and a reader compares bytes
// before it parses any.
std::string seal(std::string_view body, const Frame& frame) {
  return fmt::format("{}{}{}{}", body, frame.head, hash128(body).hex(), frame.tail);
}

// Every byte is covered: by the hash, by being the hash, or by comparison.
bool holds(std::string_view text, const Frame& frame) {
  const std::size_t size = frame.head.size() + kDigits + frame.tail.size();
  if (text.size() < size) return false;
  return text == seal(text.substr(0, text.size() - size), frame);
}

// Names may be any bytes that a file system allows; JSON may not.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string sealed(const Json& json) {
  std::string body = dump(json, 2);
  body.resize(body.size() - 2);  // "\n}"
  return seal(body, kPretty);
}

std::string sealed_line(const Json& json) {
  std::string body = dump(json, -1);
  body.pop_back();
  return seal(body, kLine);
}

bool seal_holds(std::string_view text) {
  return holds(text, kPretty);
}

bool line_seal_holds(std::string_view text) {
  return holds(text, kLine);
}

// The parser keeps its own stack, so that depth costs memory, not the call stack; both are capped.
Json parse_sealed(std::string_view text, std::size_t most) {
  std::size_t events = 0;
  return Json::parse(text, [&events, most](int depth, Json::parse_event_t, Json&) {
    require(depth <= kMaxDepth, "nests too deep");
    require(++events <= most, "has too many values");
    return true;
  });
}

std::uint64_t number(const Json& json, const char* key) {
  const Json& value = json.at(key);
  require(value.is_number_unsigned(), "a value is not a non-negative integer");
  return value.get<std::uint64_t>();
}

// One spelling for one hash: no upper case, no sign, no blanks.
Hash128 hash_from(const std::string& hex) {
  require(hex.size() == kDigits, "a checksum has the wrong length");
  Hash128 hash;
  const char* middle = hex.data() + kDigits / 2;
  const char* end = hex.data() + kDigits;
  const auto high = std::from_chars(hex.data(), middle, hash.high, 16);
  const auto low = std::from_chars(middle, end, hash.low, 16);
  require(high.ptr == middle && low.ptr == end && hash.hex() == hex, "a checksum is not a hash");
  return hash;
}

}  // namespace embedtool
