#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/parquet/parquet_page_reader.hpp"
#include "formats/parquet/parquet_tree.hpp"
#include "formats/parquet/parquet_values.hpp"

namespace embedtool::parquet {

/// Reads one column of a file, entry by entry. An entry has levels and, if its definition level is
/// the column's highest, a value. One page is in memory at a time, and the dictionary. Throws
/// Damaged, and Unsupported for what may be right but is not read. Recycled; not thread-safe.
class LeafReader {
 public:
  /// `budget` outlives the reader.
  LeafReader(Leaf leaf, PageBudget& budget);

  /// Starts the chunk of a row group; `in` and `codec` must outlive the reading.
  void open(const ChunkMeta& meta, const RandomBytes& in, PageCodec& codec);

  /// Of the entry at hand; there must be one.
  unsigned repetition() {
    if (!at_hand_) load_entry();
    return repetition_;
  }
  unsigned definition() {
    if (!at_hand_) load_entry();
    return definition_;
  }
  /// Has the chunk no more entries?
  bool ended() const { return !at_hand_ && left_in_page_ == 0 && left_in_chunk_ == 0; }
  bool has_value() { return definition() == leaf_.max_definition; }
  /// Passes over the entry at hand and gives its value, which must be there, as ValueDecoder does.
  /// Valid until the next entry is looked at.
  std::string_view take_value() {
    at_hand_ = false;
    return values_.next();
  }
  /// The same for the entry at hand, which has a value, and for those behind it in its page that
  /// have one too, continue its list (`repetition`), and are at most `most` with it, as long as
  /// their values lie back to back.
  std::string_view take_values(unsigned repetition, std::size_t most);
  std::size_t value_width() const { return type_.width; }
  /// Passes over the entry at hand, and its value if there is one.
  void skip();

 private:
  void load_entry();
  void check_row() const;
  std::uint64_t pass_runs(unsigned repetition, std::uint64_t most);
  void load_page();
  void find_data_page();
  void load_dictionary(const PageHeader& header);

  Leaf leaf_;
  ValueType type_;
  PageReader pages_;
  ValueDecoder values_;
  Dictionary dictionary_;
  std::vector<std::byte> dictionary_page_;
  bool has_dictionary_ = false;
  RunDecoder repetitions_;
  RunDecoder definitions_;
  std::uint64_t left_in_chunk_ = 0;   ///< entries of the pages to come
  std::uint64_t left_in_page_ = 0;    ///< entries behind the one at hand
  std::uint64_t entries_in_row_ = 0;  ///< before the one at hand
  bool at_hand_ = false;
  unsigned repetition_ = 0;
  unsigned definition_ = 0;
};

}  // namespace embedtool::parquet
