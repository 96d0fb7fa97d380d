#pragma once

#include <cstddef>

#include "formats/corpus/corpus_reader.hpp"

namespace embedtool {

/// How the fields of a table are separated.
struct CsvDialect {
  char delimiter = ',';
  std::size_t skip = 0;  ///< bytes before the header: Excel's `sep=;` line
};

/// Finds the delimiter: the one that was asked for; the one that a `sep=` line names; else of the
/// usual one, comma, semicolon, tab and bar the first that gives the header the columns that are
/// wanted, or else the first that cuts the lines of the block into equally many fields.
CsvDialect sniff_dialect(const InputHead& head, const CorpusOptions& options, char usual);

/// Has the block a header of two or more columns with the ones that are wanted, and do the lines
/// behind it have as many fields?
bool has_table_header(const InputHead& head, const CorpusOptions& options);

}  // namespace embedtool
