#pragma once

// What each arch_*.cpp offers to the table in arch.cpp.

#include <cstddef>
#include <string_view>

#include "core/model/spec.hpp"
#include "core/ports.hpp"

namespace embedtool {

/// More layers are refused once a family has described a model; it lists none of them before.
inline constexpr std::size_t kMaxLayers = 1024;

/// A size that a configuration must have; throws Error(ExitCode::model) naming the key.
std::size_t required_size(const ConfigSource& config, const char* key);
/// Reads the sizes that most configurations have under the same keys: vocabulary, hidden, layers,
/// heads, FFN and positions.
void read_sizes(const ConfigSource& config, ModelSpec& spec);

bool is_bert(const ConfigSource& config);
ModelSpec describe_bert(const ConfigSource& config);
/// What BERT's relatives share with it; `usual_positions` is the only `position_embedding_type`
/// that is accepted.
ModelSpec describe_bert_like(const ConfigSource& config, std::string_view usual_positions);

bool is_distilbert(const ConfigSource& config);
ModelSpec describe_distilbert(const ConfigSource& config);

bool is_roberta(const ConfigSource& config);
ModelSpec describe_roberta(const ConfigSource& config);

bool is_mpnet(const ConfigSource& config);
ModelSpec describe_mpnet(const ConfigSource& config);

bool is_albert(const ConfigSource& config);
ModelSpec describe_albert(const ConfigSource& config);

bool is_electra(const ConfigSource& config);
ModelSpec describe_electra(const ConfigSource& config);

bool is_jina(const ConfigSource& config);
ModelSpec describe_jina(const ConfigSource& config);

bool is_nomic(const ConfigSource& config);
ModelSpec describe_nomic(const ConfigSource& config);

bool is_jina_v3(const ConfigSource& config);
ModelSpec describe_jina_v3(const ConfigSource& config);

bool is_gte(const ConfigSource& config);
ModelSpec describe_gte(const ConfigSource& config);

bool is_modernbert(const ConfigSource& config);
ModelSpec describe_modernbert(const ConfigSource& config);

bool is_qwen(const ConfigSource& config);
ModelSpec describe_qwen(const ConfigSource& config);

bool is_llama(const ConfigSource& config);
ModelSpec describe_llama(const ConfigSource& config);

bool is_gemma(const ConfigSource& config);
ModelSpec describe_gemma(const ConfigSource& config);

bool is_t5(const ConfigSource& config);
ModelSpec describe_t5(const ConfigSource& config);

}  // namespace embedtool
