#pragma once

#include "core/base/profile.hpp"
#include "core/model/encoder.hpp"
#include "core/pipeline/report.hpp"
#include "core/pipeline/run_options.hpp"
#include "core/ports.hpp"
#include "core/text/tokenizer.hpp"

namespace embedtool {

/// The main job: reads records, tokenizes, plans, encodes and hands rows to the sink in input
/// order, window by window. Reading, tokenizing, encoding and writing of different windows
/// overlap: one reader, one writer and `threads` workers; a fixed number of windows is in flight,
/// so memory is bounded by the settings.
///
/// Vectors do not depend on any option but max_tokens and prompt: not on threads, batch or window.
///
/// `tokenizer` may be null if the corpus has no texts; a text is then an Error(usage). `spec` is
/// the sink's. Calls sink.finish() when the input is exhausted, not after a stop. The first Error
/// of any thread ends the run and is thrown here after all threads have ended. The calling thread
/// waits, which `main_clock` records as idle. The caller adds that account, memory and backend to
/// the report. All threads' timelines share its origin.
RunReport run(DocumentSource& source, const Tokenizer* tokenizer, const Encoder& encoder,
              const OutputSpec& spec, EmbeddingSink& sink, RejectSink& rejects,
              const RunOptions& options, StageClock& main_clock);

}  // namespace embedtool
