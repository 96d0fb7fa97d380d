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
/// Error(ExitCode::model) naming an unknown mode. Unknown keys go to `notes`, here and below.
PoolingConfig read_pooling(const JsonConfig& config, std::vector<std::string>& notes);

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
                     bool of_tokens, std::unique_ptr<WeightSource>& weights,
                     std::vector<std::string>& notes);

/// Checks that the Normalize module in `folder`, whose config.json may be missing, works on what
/// the chain has there. Throws Error(ExitCode::model).
void check_normalize(const FileSet& files, const std::string& folder, bool of_tokens,
                     std::vector<std::string>& notes);

/// The linear layer on the final states that `spec` names, as the head's first dense layer: pooling
/// first gives the same vectors, since every mode but `max` is a weighted mean. Throws
/// Error(ExitCode::model) when it is missing, misshapen, or the head pools otherwise.
DenseSpec read_state_projection(const ModelSpec& spec, const HeadSpec& head,
                                const WeightSource& weights);

}  // namespace embedtool
