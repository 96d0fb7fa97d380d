#include "formats/io/uuid.hpp"

#include <fmt/format.h>
#include <nettle/sha1.h>

#include <iterator>

namespace embedtool {
namespace {

constexpr std::size_t kUuidDigits = 36;  // with four hyphens
/// The name space of URLs, RFC 9562 6.6.
constexpr Uuid kUrls{0x6b, 0xa7, 0xb8, 0x11, 0x9d, 0xad, 0x11, 0xd1,
                     0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8};

bool is_hyphen(std::size_t digit) {
  return digit == 8 || digit == 13 || digit == 18 || digit == 23;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<Uuid> uuid_of(std::string_view text) {
  if (text.size() != kUuidDigits) return std::nullopt;
  Uuid uuid{};
  std::size_t n_digits = 0;
  for (std::size_t i = 0; i < kUuidDigits; ++i) {
    if (is_hyphen(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_digit(text[i]);
    if (value < 0) return std::nullopt;
    std::uint8_t& byte = uuid[n_digits++ / 2];
    byte = static_cast<std::uint8_t>(byte << 4 | value);
  }
  return uuid;
}

Uuid name_uuid(std::string_view name) {
  sha1_ctx state;
  nettle_sha1_init(&state);
  nettle_sha1_update(&state, kUrls.size(), kUrls.data());
  nettle_sha1_update(&state, name.size(), reinterpret_cast<const std::uint8_t*>(name.data()));
  Uuid uuid{};
  nettle_sha1_digest(&state, uuid.size(), uuid.data());
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x50);  // version 5
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);  // the RFC's variant
  return uuid;
}

std::string uuid_text(const Uuid& uuid) {
  std::string text;
  for (const std::uint8_t byte : uuid) {
    if (is_hyphen(text.size())) text += '-';
    fmt::format_to(std::back_inserter(text), "{:02x}", byte);
  }
  return text;
}

}  // namespace embedtool
