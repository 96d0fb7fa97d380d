#include <algorithm>
#include <cctype>

#include "formats/corpus/corpus_reader.hpp"

namespace embedtool {
namespace {

/// The input formats. A new one is a file with an open function, and a row here.
constexpr std::array kFormats{
    InputFormat{"jsonl", {".jsonl", ".ndjson", ".json"}, open_jsonl, false},
    InputFormat{"text", {".txt", ".text", ""}, open_text, false},
    InputFormat{"csv", {".csv", "", ""}, open_csv, true},
    InputFormat{"tsv", {".tsv", ".tab", ""}, open_tsv, true},
};

/// Does a name end so, upper or lower case? `ending` is lower case.
bool ends_with(std::string_view name, std::string_view ending) {
  if (ending.empty() || name.size() < ending.size()) return false;
  return std::equal(
      ending.begin(), ending.end(), name.end() - static_cast<std::ptrdiff_t>(ending.size()),
      [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

}  // namespace

std::span<const InputFormat> input_formats() {
  return kFormats;
}

const InputFormat* find_input_format(std::string_view name) {
  for (const InputFormat& format : kFormats) {
    if (format.name == name) return &format;
  }
  return nullptr;
}

const InputFormat* input_format_of(std::string_view file_name) {
  // Compression is told by content; here its endings only stand in the way.
  for (const std::string_view packed : {".gz", ".zst"}) {
    if (ends_with(file_name, packed)) file_name.remove_suffix(packed.size());
  }
  for (const InputFormat& format : kFormats) {
    for (const std::string_view ending : format.endings) {
      if (ends_with(file_name, ending)) return &format;
    }
  }
  return nullptr;
}

std::vector<std::string_view> input_format_names() {
  std::vector<std::string_view> names;
  names.reserve(kFormats.size());
  for (const InputFormat& format : kFormats) names.push_back(format.name);
  return names;
}

}  // namespace embedtool
