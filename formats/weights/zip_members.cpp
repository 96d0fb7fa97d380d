// ZIP (PKWARE's APPNOTE.TXT 6.3.10): the directory at the end says where the members lie.
#include "formats/weights/zip_members.hpp"

#include <algorithm>
#include <initializer_list>

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
// A field with all bits set has its value in a ZIP64 record.
constexpr std::uint32_t kMeansZip64 = 0xffffffff;
constexpr std::uint32_t kMeansZip64Count = 0xffff;
constexpr std::uint32_t kZip64Locator = 0x07064b50;
constexpr std::size_t kZip64LocatorSize = 20;
constexpr std::uint32_t kZip64End = 0x06064b50;
constexpr std::uint16_t kZip64Extra = 0x0001;

// Little-endian numbers; the position must lie inside.
class Numbers {
 public:
  explicit Numbers(std::span<const std::byte> bytes) : bytes_(bytes) {}

  std::uint64_t number(std::size_t at, std::size_t width) const {
    require(at <= bytes_.size() && width <= bytes_.size() - at, "it ends early");
    std::uint64_t value = 0;
    for (std::size_t i = width; i-- > 0;) {
      value = value << 8U | std::to_integer<std::uint64_t>(bytes_[at + i]);
    }
    return value;
  }
  std::uint32_t u16(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 2)); }
  std::uint32_t u32(std::size_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  /// A position or size in a file of this size.
  std::size_t u64(std::size_t at) const {
    const std::uint64_t value = number(at, 8);
    require(value <= bytes_.size(), "it ends early");
    return static_cast<std::size_t>(value);
  }
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

// Where the directory begins, and how many entries it has.
struct Directory {
  std::size_t at = 0;
  std::size_t count = 0;
};

Directory find_directory(const Numbers& numbers) {
  const std::size_t end = find_end(numbers);
  Directory directory{numbers.u32(end + 16), numbers.u16(end + 10)};
  if (directory.at != kMeansZip64 && directory.count != kMeansZip64Count) return directory;
  if (end < kZip64LocatorSize || numbers.u32(end - kZip64LocatorSize) != kZip64Locator) {
    return directory;
  }
  const std::size_t record = numbers.u64(end - kZip64LocatorSize + 8);
  require(numbers.u32(record) == kZip64End, "its directory is damaged");
  directory.count = numbers.u64(record + 32);
  directory.at = numbers.u64(record + 48);
  return directory;
}

// The values of an entry's fields that have all bits set: its size unpacked, packed, its offset.
void read_zip64(const Numbers& numbers, std::size_t extras, std::size_t extras_size,
                std::initializer_list<std::size_t*> fields) {
  for (std::size_t at = extras; at + 4 <= extras + extras_size;) {
    const std::size_t size = numbers.u16(at + 2);
    if (numbers.u16(at) == kZip64Extra) {
      std::size_t value = at + 4;
      for (std::size_t* field : fields) {
        if (*field != kMeansZip64) continue;
        require(value + 8 <= at + 4 + size, "its directory is damaged");
        *field = numbers.u64(value);
        value += 8;
      }
      return;
    }
    at += 4 + size;
  }
}

/// Reads the entry at `at` and moves behind it.
Member read_entry(std::span<const std::byte> bytes, const Numbers& numbers, std::size_t& at) {
  require(numbers.u32(at) == kDirectoryEntry, "its directory is damaged");
  constexpr std::uint32_t kEncrypted = 1;
  require((numbers.u16(at + 8) & kEncrypted) == 0, "it is encrypted");
  require(numbers.u16(at + 10) == 0, "its members are compressed");
  Member member;
  std::size_t packed = numbers.u32(at + 20);
  member.size = numbers.u32(at + 24);
  member.header = numbers.u32(at + 42);
  const std::size_t name = numbers.u16(at + 28);
  const std::size_t extras = numbers.u16(at + 30);
  require(bytes.size() - at >= kEntrySize + name + extras, "its directory is damaged");
  read_zip64(numbers, at + kEntrySize + name, extras, {&member.size, &packed, &member.header});
  require(packed == member.size, "its sizes do not agree");
  member.name.assign(reinterpret_cast<const char*>(bytes.data() + at + kEntrySize), name);
  at += kEntrySize + name + extras + numbers.u16(at + 32);
  return member;
}

}  // namespace

std::map<std::string, std::span<const std::byte>> zip_members(std::span<const std::byte> bytes) {
  const Numbers numbers(bytes);
  const Directory directory = find_directory(numbers);
  std::size_t at = directory.at;
  std::map<std::string, std::span<const std::byte>> out;
  for (std::size_t i = 0; i < directory.count; ++i) {
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
