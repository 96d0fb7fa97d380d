#pragma once

#include <cstddef>
#include <string_view>

#include "formats/corpus/corpus_reader.hpp"

namespace embedtool {

// What the first block of an input looks like: the content column of the table of formats.

Fit fits_jsonl(const InputHead& head, const CorpusOptions& options);
Fit fits_json(const InputHead& head, const CorpusOptions& options);
Fit fits_csv(const InputHead& head, const CorpusOptions& options);
Fit fits_tsv(const InputHead& head, const CorpusOptions& options);
Fit fits_text(const InputHead& head, const CorpusOptions& options);
Fit fits_parquet(const InputHead& head, const CorpusOptions& options);
Fit fits_arrow(const InputHead& head, const CorpusOptions& options);
/// A format that has to be asked for.
Fit fits_nothing(const InputHead& head, const CorpusOptions& options);

/// Does the line look like a JSON object: `{`, then a key or the end, and a `}` last?
bool looks_like_object(std::string_view line);

/// For text: what its lines might be instead, as a clause; empty if nothing.
std::string doubt_text(const InputHead& head, const CorpusOptions& options);

}  // namespace embedtool
