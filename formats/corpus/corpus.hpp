#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/ports.hpp"
#include "formats/corpus/corpus_options.hpp"
#include "formats/corpus/corpus_source.hpp"

namespace embedtool {

/// Opens a corpus: every input is checked, and the first block of every file on disk is read,
/// before this returns: what is no corpus, and a header that does not fit, show here. `rejects`
/// must outlive the source; the options are copied. Throws Error(usage) on options that do not fit
/// the inputs, Error(failed) on inputs that cannot be read.
std::unique_ptr<CorpusSource> open_corpus(const CorpusOptions& options, RejectSink& rejects);

/// What CorpusOptions::format accepts.
std::vector<std::string_view> input_format_names();

}  // namespace embedtool
