#include "formats/output/export_columns.hpp"

#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "formats/io/uuid.hpp"

namespace embedtool {
namespace {

// As Python's uuid.uuid5(uuid.NAMESPACE_URL, …) says.
TEST(Uuids, AreThoseOfNames) {
  EXPECT_EQ(uuid_text(name_uuid("a")), "e1407479-3136-56c0-9908-bb02fb0339e2");
  EXPECT_EQ(uuid_text(name_uuid("")), "1b4db7eb-4057-5ddf-91e0-36dec72071f5");
  EXPECT_EQ(uuid_text(name_uuid("https://example.org/ü")), "4e935be2-141c-5c1c-ab16-33f53ec57da4");
}

TEST(Uuids, AreTakenAsTheyAreInEitherCase) {
  const std::string text = "0af3e61b-99c2-5d4e-8f00-ffffffffffff";
  ASSERT_TRUE(uuid_of(text));
  EXPECT_EQ(uuid_text(*uuid_of(text)), text);
  EXPECT_EQ(uuid_of("0AF3E61B-99C2-5D4E-8F00-FFFFFFFFFFFF"), uuid_of(text));
  for (const char* other :
       {"", "0af3e61b99c25d4e8f00ffffffffffff", "0af3e61b-99c2-5d4e-8f00-fffffffffff",
        "0af3e61b-99c2-5d4e-8f00-fffffffffffg", "0af3e61b-99c2-5d4e-8f00+ffffffffffff",
        "{0af3e61b-99c2-5d4e-8f00-ffffffffffff}", "0af3e61-b99c2-5d4e-8f00-ffffffffffff"}) {
    EXPECT_FALSE(uuid_of(other)) << other;
  }
}

TEST(ExportColumns, RefuseTwoColumnsOfOneName) {
  OutputSpec spec;
  spec.kept_fields = {{"lang", FieldType::string}, {"row", FieldType::string}};
  EXPECT_EQ(ExportColumns(spec, ExportId::uuid, false, "out").spec().kept_fields, spec.kept_fields);
  EXPECT_THROW(ExportColumns(spec, ExportId::string, true, "out"), Error);
  spec.kept_fields.pop_back();
  EXPECT_EQ(ExportColumns(spec, ExportId::string, true, "out").spec().kept_fields.back(),
            (KeptField{"row", FieldType::int64}));
}

}  // namespace
}  // namespace embedtool
