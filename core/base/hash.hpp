#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace embedtool {

/// 128-bit content hash (XXH3). Equal bytes give equal hashes on every machine.
struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool operator==(const Hash128&) const = default;
  /// The 16 bytes, big endian (xxHash's canonical form).
  std::array<std::uint8_t, 16> bytes() const;
  /// 32 lower-case hexadecimal digits, as xxh128sum(1) prints.
  std::string hex() const;
};

/// Hashes a whole buffer. `seed` separates domains (texts, token ids).
Hash128 hash128(const void* data, std::size_t size, std::uint64_t seed = 0);
inline Hash128 hash128(std::string_view bytes, std::uint64_t seed = 0) {
  return hash128(bytes.data(), bytes.size(), seed);
}

/// XXH64 with seed 0, for formats of others that ask for it.
std::uint64_t xxh64(std::string_view bytes);

/// Hashes a stream piece by piece; not thread-safe.
class Hasher128 {
 public:
  Hasher128();
  ~Hasher128();
  Hasher128(Hasher128&&) noexcept;
  Hasher128& operator=(Hasher128&&) noexcept;

  void update(const void* data, std::size_t size);
  void update(std::string_view bytes) { update(bytes.data(), bytes.size()); }
  /// The hash of everything so far; more may follow.
  Hash128 digest() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace embedtool
