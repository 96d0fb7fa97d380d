#include "formats/hub/content_check.hpp"

#include <nettle/sha1.h>
#include <nettle/sha2.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include <fmt/core.h>

#include "core/base/error.hpp"
#include "formats/io/file_ops.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kSha1Digits = 40;
constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kPiece = std::size_t{1} << 20U;

class Sha256 {
 public:
  explicit Sha256(std::uint64_t /*bytes*/) { nettle_sha256_init(&state_); }
  void update(const std::uint8_t* data, std::size_t size) {
    nettle_sha256_update(&state_, size, data);
  }
  std::vector<std::uint8_t> digest() {
    std::vector<std::uint8_t> out(SHA256_DIGEST_SIZE);
    nettle_sha256_digest(&state_, out.size(), out.data());
    return out;
  }

 private:
  sha256_ctx state_;
};

class GitBlob {
 public:
  explicit GitBlob(std::uint64_t bytes) {
    nettle_sha1_init(&state_);
    const std::string head = fmt::format("blob {}", bytes);
    // With its final zero byte, as git writes it.
    update(reinterpret_cast<const std::uint8_t*>(head.c_str()), head.size() + 1);
  }
  void update(const std::uint8_t* data, std::size_t size) {
    nettle_sha1_update(&state_, size, data);
  }
  std::vector<std::uint8_t> digest() {
    std::vector<std::uint8_t> out(SHA1_DIGEST_SIZE);
    nettle_sha1_digest(&state_, out.size(), out.data());
    return out;
  }

 private:
  sha1_ctx state_;
};

template <typename Hash>
std::string name_by(int fd, std::uint64_t bytes, const std::string& path) {
  Hash hash(bytes);
  std::vector<std::byte> piece(kPiece);
  for (std::uint64_t at = 0;;) {
    const ssize_t size = read_fully(system_file_ops(), fd, at, piece);
    if (size < 0) {
      throw Error(ExitCode::failed, "{}: cannot read: {}", path, std::strerror(errno));
    }
    if (size == 0) break;
    hash.update(reinterpret_cast<const std::uint8_t*>(piece.data()),
                static_cast<std::size_t>(size));
    at += static_cast<std::uint64_t>(size);
  }
  std::string hex;
  for (const std::uint8_t byte : hash.digest()) hex += fmt::format("{:02x}", byte);
  return hex;
}

}  // namespace

std::string content_name(int fd, std::uint64_t bytes, std::string_view like,
                         const std::string& path) {
  return like.size() == kSha256Digits ? name_by<Sha256>(fd, bytes, path)
                                      : name_by<GitBlob>(fd, bytes, path);
}

bool is_content_name(std::string_view name) {
  return (name.size() == kSha1Digits || name.size() == kSha256Digits) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace embedtool
