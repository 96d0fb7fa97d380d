#include "formats/parquet/thrift_fields.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace embedtool {
namespace {

using ::testing::HasSubstr;

enum class Colour : std::int32_t { none = -1, red = 3 };

struct Leaf {
  std::string name;

  bool operator==(const Leaf&) const = default;
};

struct Tree {
  std::int32_t size = 0;
  Colour colour = Colour::none;
  std::vector<std::string> words;
  std::vector<Colour> colours;
  std::vector<Leaf> leaves;
  std::int64_t inner = 0;
  bool tall = false;
  std::uint32_t crc = 0;

  bool operator==(const Tree&) const = default;
};

template <typename Archive>
void fields(Archive& archive, ArchiveRef<Archive, Tree> tree) {
  archive.required(1, tree.size);
  archive.optional(2, tree.colour, Colour::none);
  archive.required(3, tree.words);
  archive.required(4, tree.colours);
  archive.structs(5, tree.leaves, [](auto& a, auto& leaf) { a.required(1, leaf.name); });
  archive.informative(6, [] { return std::int32_t{11}; });
  archive.informative(7, [] { return std::optional<std::int16_t>(); });
  archive.constant(8, std::int8_t{5}, "not five");
  archive.forbidden(9, "a ninth field");
  archive.required_struct(10, [&](auto& inner) { inner.required(1, tree.inner); });
  archive.alternative(11, tree.tall, true, [](auto&) {});
  archive.required(12, tree.crc);
}

Tree sample() {
  return {-7,        Colour::red, {"a", ""},  {Colour::red, Colour::none}, {{"x"}, {"y"}},
          1LL << 40, true,        0xFFFFFFFEU};
}

std::vector<std::byte> written(const Tree& tree) {
  std::vector<std::byte> bytes;
  ThriftWriter out(bytes);
  ThriftFieldWriter(out).structure([&](auto& archive) { fields(archive, tree); });
  return bytes;
}

Tree read(const std::vector<std::byte>& bytes) {
  ThriftReader in(bytes);
  Tree tree;
  ThriftFieldReader(in).structure([&](auto& archive) { fields(archive, tree); });
  EXPECT_EQ(in.position(), bytes.size());
  return tree;
}

/// One field of a Tree, by hand.
using Part = std::function<void(ThriftWriter&)>;

/// The fields of a whole Tree, as another writer could put them.
std::vector<Part> parts() {
  return {[](ThriftWriter& out) { out.i32(1, 4); },
          [](ThriftWriter& out) { out.begin_list(3, ThriftType::binary, 0); },
          [](ThriftWriter& out) { out.begin_list(4, ThriftType::i32, 0); },
          [](ThriftWriter& out) { out.begin_list(5, ThriftType::structure, 0); },
          [](ThriftWriter& out) { out.i8(8, 5); },
          [](ThriftWriter& out) {
            out.begin_struct(10);
            out.i64(1, 9);
            out.end_struct();
          },
          [](ThriftWriter& out) { out.i32(12, 2); }};
}

std::vector<std::byte> written(const std::vector<Part>& parts) {
  std::vector<std::byte> bytes;
  ThriftWriter out(bytes);
  out.begin_root();
  for (const Part& part : parts) part(out);
  out.end_struct();
  return bytes;
}

std::string refusal(const std::vector<Part>& parts) {
  try {
    read(written(parts));
  } catch (const Damaged& damage) {
    return damage.what();
  }
  return "";
}

TEST(ThriftFields, ReadsWhatItWrote) {
  EXPECT_EQ(read(written(sample())), sample());
  EXPECT_EQ(read(written(Tree{})), Tree{});
}

TEST(ThriftFields, TakesFieldsInAnyOrderAndSkipsUnknownOnes) {
  std::vector<Part> all = parts();
  std::reverse(all.begin(), all.end());
  all.insert(all.begin() + 3, [](ThriftWriter& out) { out.string(40, "unknown"); });
  all.insert(all.begin() + 5, [](ThriftWriter& out) { out.empty_struct(1000); });
  const Tree tree = read(written(all));
  EXPECT_EQ(tree.size, 4);
  EXPECT_EQ(tree.inner, 9);
  EXPECT_EQ(tree.crc, 2U);
  EXPECT_EQ(tree.colour, Colour::none);
}

TEST(ThriftFields, MissesEveryRequiredField) {
  for (std::size_t i = 0; i < parts().size(); ++i) {
    std::vector<Part> some = parts();
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_EQ(refusal(some), "the metadata lacks a field") << i;
  }
}

TEST(ThriftFields, RefusesAFieldThatComesTwice) {
  for (std::size_t i = 0; i < parts().size(); ++i) {
    std::vector<Part> more = parts();
    more.push_back(parts()[i]);
    EXPECT_EQ(refusal(more), "a metadata field appears twice") << i;
  }
}

TEST(ThriftFields, RefusesWrongTypesAndValues) {
  const auto with = [](std::size_t at, Part part) {
    std::vector<Part> all = parts();
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(at), std::move(part));
    return all;
  };
  const auto instead = [](std::size_t at, Part part) {
    std::vector<Part> all = parts();
    all[at] = std::move(part);
    return all;
  };
  EXPECT_THAT(refusal(instead(0, [](auto& out) { out.i64(1, 4); })), HasSubstr("wrong type"));
  EXPECT_THAT(refusal(instead(5, [](auto& out) { out.i64(10, 4); })), HasSubstr("wrong type"));
  EXPECT_THAT(refusal(instead(1,
                              [](auto& out) {
                                out.begin_list(3, ThriftType::i32, 1);
                                out.element_i32(0);
                              })),
              HasSubstr("wrong type"));
  EXPECT_EQ(refusal(instead(4, [](auto& out) { out.i8(8, 6); })), "not five");
  EXPECT_EQ(refusal(with(5, [](auto& out) { out.boolean(9, true); })), "a ninth field");
  EXPECT_EQ(refusal(with(1, [](auto& out) { out.i32(2, -1); })), "");  // absent, spelt out
  EXPECT_EQ(refusal(with(5, [](auto& out) { out.string(6, "of another type, skipped"); })), "");
}

// Four bytes that promise 2^28 structs: the reader stops at the end of the bytes.
TEST(ThriftFields, AllocatesNothingForAFalseCount) {
  std::vector<Part> all = parts();
  all[3] = [](ThriftWriter& out) { out.begin_list(5, ThriftType::structure, 1U << 28U); };
  EXPECT_THAT(refusal(all), HasSubstr("longer than the rest"));
}

}  // namespace
}  // namespace embedtool
