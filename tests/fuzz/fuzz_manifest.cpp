// Hostile manifests and journals. The checksum would stop nearly every mutation at the door, so
// the input is also sealed with the right one and offered again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/error.hpp"
#include "core/base/hash.hpp"
#include "formats/output/manifest.hpp"

namespace {

void parse(std::string_view text) {
  try {
    const embedtool::Manifest manifest = embedtool::parse_manifest(text, "fuzz");
    for (const auto& shard : manifest.shards) {
      if (shard.name.find("..") != std::string::npos || shard.name.starts_with('/'))
        __builtin_trap();
    }
    for (const auto& file : manifest.files) {
      if (file.name.find('/') != std::string::npos) __builtin_trap();
    }
  } catch (const embedtool::Error&) {
  }
}

std::string sealed(std::string body, std::string_view head, std::string_view tail) {
  const std::string hash = embedtool::hash128(body).hex();
  return body.append(head).append(hash).append(tail);
}

/// What precedes the checksum member in a file that is whole; all of it otherwise.
std::string_view body_of(std::string_view text, std::string_view head) {
  return text.substr(0, text.rfind(head));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  parse(text);
  constexpr std::string_view kPretty = ",\n  \"checksum\": \"";
  parse(sealed(std::string(body_of(text, kPretty)), kPretty, "\"\n}\n"));
  embedtool::parse_journal(text);
  // A journal line by line, each sealed anew.
  std::string journal;
  for (std::size_t at = 0; at < size;) {
    const std::size_t end = std::min(text.find('\n', at), size);
    constexpr std::string_view kLine = ",\"checksum\":\"";
    journal += sealed(std::string(body_of(text.substr(at, end - at), kLine)), kLine, "\"}\n");
    at = end + 1;
  }
  const auto parsed = embedtool::parse_journal(journal);
  if (parsed && parsed->valid_bytes > journal.size()) __builtin_trap();
  return 0;
}
