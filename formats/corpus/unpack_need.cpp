#include "formats/corpus/unpack_need.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/input_list.hpp"
#include "formats/io/bytes.hpp"

namespace embedtool {
namespace {

/// Of a million small files, not each needs to be opened once more.
constexpr std::size_t kMostFiles = 1000;
constexpr std::size_t kHead = 64;

UnpackNeed need_of(const std::string& path, const CorpusOptions& options) {
  // What was read of stdin is gone.
  if (path == "-" || !inspect_input(path).regular) return UnpackNeed::unknown;
  ByteCounters counters;
  ByteStream stream(path, counters);
  stream.take_as_stored();
  std::array<char, kHead> bytes{};
  const std::string_view head(bytes.data(), stream.read(bytes, Wait::yes).size);
  const bool columns = binary_format_of({.bytes = head}, options) != nullptr;
  return columns || has_large_window(head) ? UnpackNeed::large : UnpackNeed::none;
}

}  // namespace

UnpackNeed unpack_need(const CorpusOptions& options) {
  const InputList& files = *options.files;
  UnpackNeed need = files.size() > kMostFiles ? UnpackNeed::unknown : UnpackNeed::none;
  for (std::size_t i = 0; i < std::min(files.size(), kMostFiles); ++i) {
    need = std::max(need, need_of(files.path(i), options));
    if (need == UnpackNeed::large) break;
  }
  return need;
}

}  // namespace embedtool
