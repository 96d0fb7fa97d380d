#include "formats/parquet/parquet_leaf_reader.hpp"

#include <fmt/core.h>

#include <algorithm>

#include "formats/io/damaged.hpp"

namespace embedtool::parquet {
namespace {

/// Levels can claim billions of elements in a few bytes.
constexpr std::uint64_t kMaxEntriesInRow = std::uint64_t{1} << 26U;

}  // namespace

LeafReader::LeafReader(Leaf leaf, PageBudget& budget)
    : leaf_(std::move(leaf)), type_(value_type(leaf_.element)), pages_(budget) {}

void LeafReader::open(const ChunkMeta& meta, const RandomBytes& in, PageCodec& codec) {
  if (meta.encrypted) throw Unsupported(fmt::format("column '{}' is encrypted", leaf_.path));
  if (meta.elsewhere) {
    throw Unsupported("it is a summary (_metadata) of other files, which hold the rows");
  }
  if (!is_readable(meta.codec)) {
    const auto codec = static_cast<int>(meta.codec);
    throw Unsupported(
        fmt::format("column '{}' is compressed with {}", leaf_.path,
                    meta.codec == Codec::lzo ? "LZO" : fmt::format("codec {}", codec)));
  }
  require(meta.type == leaf_.element.type && meta.values >= 0, "its chunk is not of its type");
  pages_.open(meta, in, codec);
  left_in_chunk_ = static_cast<std::uint64_t>(meta.values);
  left_in_page_ = 0;
  at_hand_ = false;
  has_dictionary_ = false;
}

void LeafReader::load_dictionary(const PageHeader& header) {
  require(!has_dictionary_, "a column has two dictionaries");
  require(header.encoding == Encoding::plain || header.encoding == Encoding::plain_dictionary,
          "a dictionary is not PLAIN");
  // Twice: the entries' positions take as much as their lengths do.
  pages_.keep_body(dictionary_page_, 2);
  dictionary_.open(dictionary_page_, static_cast<std::size_t>(header.values), type_);
  has_dictionary_ = true;
}

void LeafReader::load_page() {
  try {
    find_data_page();
  } catch (const TooLarge&) {  // of all columns
    throw;
  } catch (const Unsupported& unsupported) {
    throw Unsupported(fmt::format("column '{}': {}", leaf_.path, unsupported.what()));
  } catch (const Damaged& damaged) {
    throw Damaged(fmt::format("column '{}': {}", leaf_.path, damaged.what()));
  }
}

void LeafReader::find_data_page() {
  while (true) {
    require(left_in_chunk_ > 0, "a column has fewer values than rows");
    const PageHeader& header = pages_.next(2);
    if (header.type == PageType::dictionary) {
      load_dictionary(header);
      continue;
    }
    if (header.type == PageType::index || header.values == 0) continue;
    left_in_page_ = static_cast<std::uint64_t>(header.values);
    require(left_in_page_ <= left_in_chunk_, "a page has more values than its column");
    left_in_chunk_ -= left_in_page_;
    const PageReader::Parts parts = pages_.parts(leaf_.max_repetition, leaf_.max_definition);
    repetitions_ = parts.repetition;
    definitions_ = parts.definition;
    values_.open(header.encoding, type_, parts.values, has_dictionary_ ? &dictionary_ : nullptr);
    return;
  }
}

void LeafReader::load_entry() {
  if (left_in_page_ == 0) load_page();
  --left_in_page_;
  repetition_ = leaf_.max_repetition > 0 ? repetitions_.next() : 0;
  definition_ = leaf_.max_definition > 0 ? definitions_.next() : 0;
  require(repetition_ <= leaf_.max_repetition && definition_ <= leaf_.max_definition,
          "a level is out of range");
  entries_in_row_ = repetition_ == 0 ? 0 : entries_in_row_ + 1;
  check_row();
  at_hand_ = true;
}

void LeafReader::check_row() const {
  if (entries_in_row_ <= kMaxEntriesInRow) return;
  throw Unsupported(
      fmt::format("column '{}' has a row of more than 64 million elements", leaf_.path));
}

/// Passes over entries that have a value and continue a list, at most `most`, as far as their
/// levels lie in open runs. Returns how many.
std::uint64_t LeafReader::pass_runs(unsigned repetition, std::uint64_t most) {
  most = repetitions_.ahead(repetition, std::min(most, left_in_page_));
  const std::uint64_t count = definitions_.ahead(leaf_.max_definition, most);
  repetitions_.pass(count);
  definitions_.pass(count);
  left_in_page_ -= count;
  entries_in_row_ += count;
  check_row();
  return count;
}

std::string_view LeafReader::take_values(unsigned repetition, std::size_t most) {
  if (!values_.is_contiguous()) return take_value();
  std::size_t count = 1;
  at_hand_ = false;
  while (count < most && left_in_page_ > 0) {
    const std::uint64_t passed = pass_runs(repetition, most - count);
    count += passed;
    if (passed > 0) continue;
    load_entry();
    if (repetition_ != repetition || definition_ != leaf_.max_definition) break;
    at_hand_ = false;
    ++count;
  }
  return values_.next(count);
}

void LeafReader::skip() {
  if (has_value()) {
    take_value();
  } else {
    at_hand_ = false;
  }
}

}  // namespace embedtool::parquet
