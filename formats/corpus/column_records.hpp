#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/columns/column_rows.hpp"
#include "formats/corpus/column_selection.hpp"
#include "formats/corpus/corpus_reader.hpp"
#include "formats/corpus/jsonl_walker.hpp"

namespace embedtool {

/// The records of a format that stores columns. A record's line is its row's number, from 1 on.
class ColumnRecords final : public RecordReader {
 public:
  /// `remedy`: what helps against damage, `other_remedy` against what is not supported; static.
  ColumnRecords(const ReaderContext& context, std::unique_ptr<ColumnRows> rows,
                std::string_view remedy, std::string_view other_remedy);

  bool prepare(Wait wait) override;
  Step next(Wait wait) override;

 private:
  template <typename Read>
  auto naming(Read&& read);
  bool read_row();
  void read_scalars();
  void read_numbers();
  bool read_nested();
  bool put_scalar(FieldPlan::Slot slot, const ColumnType& type, std::string_view raw);
  bool fail(std::string reason);
  Step take_row();
  bool follow(Wait wait, std::uint64_t position, bool to_end);

  ReaderContext context_;
  std::unique_ptr<ColumnRows> rows_;
  std::string_view remedy_;
  std::string_view other_remedy_;
  ColumnSelection selection_;
  JsonWalker walker_;
  RecordFields fields_;
  std::vector<std::vector<double>> numbers_;  ///< of selection_.numbers
  std::string json_;                          ///< of selection_.nested
  std::string shown_;                         ///< of values that are not strings
  std::vector<std::string_view> raw_;         ///< of selection_.scalars
  /// Of those in shown_: index of the scalar, and where it begins.
  std::vector<std::pair<std::size_t, std::size_t>> places_;
  std::string reason_;    ///< why the row at hand is bad; empty while it is not
  std::size_t size_ = 0;  ///< of the row's values, in bytes
  std::uint64_t row_ = 0;
  std::uint64_t followed_ = 0;  ///< bytes of the window passed over
  bool prepared_ = false;
};

}  // namespace embedtool
