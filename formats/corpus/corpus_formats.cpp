#include <fmt/core.h>

#include <algorithm>
#include <cctype>

#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/corpus_sniff.hpp"

namespace embedtool {
namespace {

/// The input formats. A new one is a file with an open function, and a row here. Where several fit
/// an input equally well, the first does.
constexpr std::array kFormats{
    InputFormat{
        "jsonl", {".jsonl", ".ndjson", ".jsonlines"}, fits_jsonl, open_jsonl, false, Cut::lines},
    InputFormat{"json", {".json"}, fits_json, open_json},
    InputFormat{"csv", {".csv"}, fits_csv, open_csv, false, Cut::unquoted_lines},
    InputFormat{"tsv", {".tsv", ".tab"}, fits_tsv, open_tsv, false, Cut::unquoted_lines},
    InputFormat{"text", {".txt", ".text"}, fits_text, open_text, false, Cut::lines},
    InputFormat{"file", {}, fits_nothing, open_file},
    InputFormat{"parquet", {".parquet", ".pq"}, fits_parquet, open_parquet, true, Cut::row_groups},
    InputFormat{"arrow", {".arrow", ".arrows", ".feather"}, fits_arrow, open_arrow, true},
};

/// Endings of compressed files: compression is told by content, and they only stand in the way.
constexpr std::array<std::string_view, 9> kPacked{".gz",  ".gzip", ".bgz", ".zst", ".zstd",
                                                  ".bz2", ".xz",   ".lz4", ".z"};

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
  for (const std::string_view packed : kPacked) {
    if (!ends_with(file_name, packed)) continue;
    file_name.remove_suffix(packed.size());
    break;
  }
  for (const InputFormat& format : kFormats) {
    for (const std::string_view ending : format.endings) {
      if (ends_with(file_name, ending)) return &format;
    }
  }
  return nullptr;
}

const InputFormat* binary_format_of(const InputHead& stored, const CorpusOptions& options) {
  for (const InputFormat& format : kFormats) {
    if (format.binary && format.fit(stored, options) == Fit::certain) return &format;
  }
  return nullptr;
}

FormatChoice choose_input_format(const InputHead& head, std::string_view file_name,
                                 const CorpusOptions& options) {
  const InputFormat* named = input_format_of(file_name);
  const InputFormat* best = find_input_format("text");
  Fit best_fit = Fit::possible;
  Fit named_fit = Fit::no;
  for (const InputFormat& format : kFormats) {
    if (format.binary) continue;  // asked before, of the bytes as stored
    const Fit fit = format.fit(head, options);
    if (&format == named) named_fit = fit;
    if (fit <= best_fit) continue;
    best = &format;
    best_fit = fit;
  }
  if (named_fit == best_fit || (named_fit != Fit::no && best_fit != Fit::certain)) {
    const bool text = named->open == open_text;
    return {named, text ? doubt_text(head, options) : ""};
  }
  FormatChoice choice{best, best->open == open_text ? doubt_text(head, options) : ""};
  const auto is_json = [](const InputFormat* format) { return format->name.starts_with("json"); };
  const bool same_family = named != nullptr && is_json(named) && is_json(best);
  if (named != nullptr && named != best && !same_family && !head.bytes.empty()) {
    choice.doubt =
        fmt::format("holds {0}, not {1} as its name says, and is read as {0}; --format {1} insists",
                    best->name, named->name);
  }
  return choice;
}

std::vector<std::string_view> input_format_names() {
  std::vector<std::string_view> names;
  names.reserve(kFormats.size());
  for (const InputFormat& format : kFormats) names.push_back(format.name);
  return names;
}

}  // namespace embedtool
