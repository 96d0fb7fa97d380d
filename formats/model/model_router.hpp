#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/model/spec.hpp"
#include "core/ports.hpp"
#include "core/text/tokenizer.hpp"
#include "formats/io/file_set.hpp"
#include "formats/model/model_limits.hpp"

namespace embedtool {

/// Which modules a Router module sends documents and queries through: types and folders in order.
struct RouterConfig {
  std::vector<std::pair<std::string, std::string>> documents;
  std::vector<std::pair<std::string, std::string>> queries;
};

/// Reads router_config.json of sentence-transformers' Router in `folder` ("" or ending in '/').
/// Throws Error(ExitCode::model) when a route is missing.
RouterConfig read_router(const FileSet& files, const std::string& folder);

/// An encoder for queries alone, where documents go through another: every token of a query weighs
/// what a table says, once (sentence-transformers' SparseStaticEmbedding; OpenSearch's models).
struct QueryEncoder {
  ModelSpec spec;
  HeadSpec head;
  std::unique_ptr<WeightSource> weights;  ///< what `head` points into
  std::unique_ptr<Tokenizer> tokenizer;   ///< adds no special tokens
  TokenLimit max_tokens;
};

/// Reads the SparseStaticEmbedding module in `folder`; `files` must outlive the result. Throws
/// Error(ExitCode::model).
QueryEncoder read_static_query_encoder(const FileSet& files, const std::string& folder);

}  // namespace embedtool
