// ZIP (PKWARE's APPNOTE.TXT 6.3.10): the directory at the end says where the members lie.
#include "formats/weights/zip_members.hpp"

#include <algorithm>

#include "formats/io/damaged.hpp"

namespace embedtool {
namespace {

constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kDirectoryEntry = 0x02014b50;
constexpr std::uint32_t kDirectoryEnd = 0x06054b50;
constexpr std::size_t kLocalSize = 30;
constexpr std::size_t kEntrySize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kMaxComment = 0xffff;
constexpr std::uint32_t kMeansZip64 = 0xffffffff;

// Little-endian numbers; the position must lie inside.
class Numbers {
 public:
  explicit Numbers(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint32_t number(std::size_t at, std::size_t width) const {
    require(at <= bytes_.size() && width <= bytes_.size() - at, "it ends early");
    std::uint32_t value = 0;
    for (std::size_t i = width; i-- > 0;) {
      value = value << 8U | std::to_integer<std::uint32_t>(bytes_[at + i]);
    }
    return value;
  }
  std::uint32_t u16(std::size_t at) const { return number(at, 2); }
  std::uint32_t u32(std::size_t at) const { return number(at, 4); }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
};

// The end record stands last, but for a comment.
std::size_t find_end(const Numbers& numbers) {
  require(numbers.size() >= kEndSize, "it is too short");
  const std::size_t last = numbers.size() - kEndSize;
  const std::size_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (std::size_t at = last + 1; at-- > first;) {
    if (numbers.u32(at) == kDirectoryEnd) return at;
  }
  throw Damaged("it has no directory");
}

struct Member {
  std::string name;
  std::size_t header = 0;
  std::size_t size = 0;
};

/// Reads the entry at `at` and moves behind it.
Member read_entry(std::span<const std::byte> bytes, const Numbers& numbers, std::size_t& at) {
  require(numbers.u32(at) == kDirectoryEntry, "its directory is damaged");
  constexpr std::uint32_t kEncrypted = 1;
  require((numbers.u16(at + 8) & kEncrypted) == 0, "it is encrypted");
  require(numbers.u16(at + 10) == 0, "its members are compressed");
  Member member;
  const std::uint32_t packed = numbers.u32(at + 20);
  const std::uint32_t offset = numbers.u32(at + 42);
  require(packed != kMeansZip64 && offset != kMeansZip64, "it is a ZIP64 archive");
  require(packed == numbers.u32(at + 24), "its sizes do not agree");
  member.header = offset;
  member.size = packed;
  const std::size_t name = numbers.u16(at + 28);
  require(bytes.size() - at >= kEntrySize + name, "its directory is damaged");
  member.name.assign(reinterpret_cast<const char*>(bytes.data() + at + kEntrySize), name);
  at += kEntrySize + name + numbers.u16(at + 30) + numbers.u16(at + 32);
  return member;
}

}  // namespace

std::map<std::string, std::span<const std::byte>> zip_members(std::span<const std::byte> bytes) {
  const Numbers numbers(bytes);
  const std::size_t end = find_end(numbers);
  const std::size_t count = numbers.u16(end + 10);
  std::size_t at = numbers.u32(end + 16);
  std::map<std::string, std::span<const std::byte>> out;
  for (std::size_t i = 0; i < count; ++i) {
    Member member = read_entry(bytes, numbers, at);
    require(numbers.u32(member.header) == kLocalHeader, "a member's header is damaged");
    // The local header has a name and extras of its own, whose lengths need not be the directory's.
    const std::size_t data = member.header + kLocalSize + numbers.u16(member.header + 26) +
                             numbers.u16(member.header + 28);
    require(data <= bytes.size() && member.size <= bytes.size() - data,
            "a member extends beyond the end");
    out.insert_or_assign(std::move(member.name), bytes.subspan(data, member.size));
  }
  return out;
}

}  // namespace embedtool
