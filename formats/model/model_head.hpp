#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/model/head_kind.hpp"
#include "core/model/spec.hpp"
#include "core/ports.hpp"
#include "formats/io/file_set.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {

/// What a Pooling module's config.json asks for.
struct PoolingConfig {
  std::vector<Pooling> modes;  ///< concatenated in this order
  bool include_prompt = true;  ///< false: tokens of a prompt are left out of the pooling
};

/// Reads both spellings: the booleans `pooling_mode_cls_token` … in sentence-transformers' order of
/// concatenation (cls, max, mean, mean_sqrt_len, weightedmean, lasttoken), and the newer
/// `pooling_mode`, a name or a list of names in the order given. The default is mean. Throws
/// Error(ExitCode::model) naming an unknown mode.
PoolingConfig read_pooling(const JsonConfig& config);

/// One of the heads that a model can be used with.
struct HeadChoice {
  HeadKind kind = HeadKind::dense;
  HeadSpec head;
  std::string source;  ///< which file says so
};

/// Reads the Dense module in `folder` ("" or ending in '/'): sizes, activation and weights, which
/// must fit `in` input dimensions. The returned spec points at `weights`, which is set. Throws
/// Error(ExitCode::model). `of_tokens`: the layer comes before any pooling.
DenseSpec read_dense(const FileSet& files, const std::string& folder, std::size_t in,
                     bool of_tokens, std::unique_ptr<WeightSource>& weights);

}  // namespace embedtool
