// Hostile plans and records of units. The checksum would stop nearly every mutation at the door, so
// the input is also sealed with the right one and offered again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/error.hpp"
#include "core/base/hash.hpp"
#include "formats/output/unit_files.hpp"

namespace {

void parse(std::string_view text) {
  try {
    const embedtool::UnitPlan plan = embedtool::parse_unit_plan(text, "fuzz");
    if (plan.units.empty()) __builtin_trap();
  } catch (const embedtool::Error&) {
  }
  try {
    const embedtool::UnitRecord record = embedtool::parse_unit_record(text, "fuzz", 2);
    for (const auto& shard : record.shards) {
      if (!embedtool::is_unit_shard_name(shard.name)) __builtin_trap();
    }
  } catch (const embedtool::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse(text);
  constexpr std::string_view kHead = ",\"checksum\":\"";
  std::string body(text.substr(0, text.rfind(kHead)));
  const std::string hash = embedtool::hash128(body).hex();
  parse(body.append(kHead).append(hash).append("\"}\n"));
  return 0;
}
