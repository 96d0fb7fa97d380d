// Any text, cut into chunks by any rule: spans are in order, cover the text but for white space,
// and are no longer than they may be.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/text/chunk/chunker.hpp"
#include "core/text/unicode/unicode.hpp"
#include "tests/support/tokenizer_cases.hpp"

namespace {

using namespace embedtool;

std::string valid_utf8(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const unicode::Decoded c = unicode::decode(bytes, at);
    unicode::append(c.code_point, text);
    at += c.length;
  }
  return text;
}

void require_blank(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const unicode::Decoded c = unicode::decode(text, at);
    if (!unicode::is_whitespace(c.code_point)) __builtin_trap();
    at += c.length;
  }
}

void check(std::string_view text, const std::vector<ChunkSpan>& spans, std::size_t limit,
           std::size_t overlap) {
  std::size_t covered = 0;
  for (const ChunkSpan& span : spans) {
    if (span.begin > span.end || span.end > text.size() || span.n_tokens > limit) __builtin_trap();
    if (overlap == 0 && span.begin < covered) __builtin_trap();
    if (span.end < covered) __builtin_trap();
    if (span.begin > covered) require_blank(text.substr(covered, span.begin - covered));
    covered = span.end;
  }
  require_blank(text.substr(covered));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto tokenizer = testing::TinyJson().make();
  if (size < 2) return 0;
  const std::size_t limit = 32 + data[0] % 64;
  const ChunkRule rule{data[1] % 16U, static_cast<ChunkBy>(data[1] / 16U % 3)};
  const std::string text = valid_utf8({reinterpret_cast<const char*>(data) + 2, size - 2});
  const TokenSettings settings{tokenizer.get(), data[0] > 127 ? "hello " : "", limit, true};
  Chunker chunker(settings, rule);
  std::vector<ChunkSpan> spans;
  if (!chunker.split(text, data[1] > 127 ? "world " : "", spans).empty()) return 0;
  if (spans.empty()) __builtin_trap();
  check(text, spans, limit, rule.overlap);
  return 0;
}
