// RoBERTa, XLM-RoBERTa and CamemBERT (Liu et al. 2019; transformers' RobertaModel): BERT with
// positions that start behind the padding id.
#include "core/model/families/arch_families.hpp"

#include "core/base/error.hpp"

namespace embedtool {

bool is_roberta(const ConfigSource& config) {
  const std::string type = config.string("model_type").value_or("");
  return type == "roberta" || type == "xlm-roberta" || type == "camembert";
}

ModelSpec describe_roberta(const ConfigSource& config) {
  ModelSpec spec = describe_bert(config);
  // create_position_ids_from_input_ids: padding_idx + 1 + index, without padding tokens.
  const auto padding = config.integer("pad_token_id").value_or(1);
  if (padding < 0 || static_cast<std::size_t>(padding) + 1 >= spec.max_positions) {
    throw Error(ExitCode::model, "pad_token_id {} leaves no room in {} positions", padding,
                spec.max_positions);
  }
  spec.position_offset = static_cast<std::size_t>(padding) + 1;
  spec.max_positions -= spec.position_offset;
  if (!config.has("layer_norm_eps")) spec.norm_eps = 1e-12F;
  spec.prefixes = {"roberta.", "xlm_roberta.", "camembert.", "model."};
  return spec;
}

}  // namespace embedtool
