#include "formats/model/settings_rules.hpp"

#include <array>

namespace embedtool {
namespace {

constexpr std::string_view kNotText = "only plain texts are encoded, from the model's last states";
constexpr std::string_view kArguments =
    "arguments for the model's class are not passed on; if it changes vectors, load the model in "
    "Python and save it again";

constexpr auto kModelSettings = std::to_array<KeyRule>({
    {"__version__", kAny, ""},
    {"truncate_dim", kAny, ""},  // sentence-transformers does not read it either
    {"model_card_*", kAny, ""},
    // Late interaction: read where the model is of that kind.
    {"query_prefix", kAny, ""},
    {"document_prefix", kAny, ""},
    {"query_length", kAny, ""},
    {"document_length", kAny, ""},
    {"attend_to_expansion_tokens", kAny, ""},
    {"do_query_expansion", kAny, ""},
    {"skiplist_words", kAny, ""},
    {"query_expansion", kAny, ""},
});

constexpr auto kTransformerSettings = std::to_array<KeyRule>({
    {"transformer_task", R"("feature-extraction"|"fill-mask")", kNotText},
    {"modality_config.text.method", R"("forward")", kNotText},
    {"modality_config.text.method_output_name", R"("last_hidden_state"|"logits")", kNotText},
    {"modality_config.*", kAny, ""},  // images and the like
    {"module_output_name", R"("token_embeddings")",
     "pooled outputs of the model's own are not computed; only its token states are"},
    {"processing_kwargs", "{}", kArguments},
    {"unpad_inputs", kAny, ""},
    // Late interaction: read where the model is of that kind.
    {"query_length", kAny, ""},
    {"document_length", kAny, ""},
    {"query_expansion", kAny, ""},
    {"model_args.trust_remote_code", kAny, ""},
    {"model_args.torch_dtype", kAny, ""},
    {"model_args.dtype", kAny, ""},
    {"model_args.attn_implementation", kAny, ""},
    {"model_args.add_pooling_layer", kAny, ""},
    {"model_args.*", "", kArguments},
    {"model_args", "{}", kArguments},
    {"config_args.trust_remote_code", kAny, ""},
    {"config_args.*", "", kArguments},
    {"config_args", "{}", kArguments},
    {"tokenizer_args.trust_remote_code", kAny, ""},
    {"tokenizer_args.use_fast", kAny, ""},
    {"tokenizer_args.*", "", kArguments},
    {"tokenizer_args", "{}", kArguments},
    {"tokenizer_name_or_path", "", "the tokenizer's files are taken from the model's own folder"},
    {"lora_adaptations", "", "the adapters of this model are not merged; use a merged model"},
});

constexpr auto kModuleSettings = std::to_array<KeyRule>({
    {"word_embedding_dimension", kAny, ""},
    {"embedding_dimension", kAny, ""},
    {"keep_only_token_ids", "", "vectors of all tokens are kept"},
    {"chunk_size", kAny, ""},
    {"frozen", kAny, ""},
});

}  // namespace

std::span<const KeyRule> model_settings_keys() {
  return kModelSettings;
}
std::span<const KeyRule> transformer_settings_keys() {
  return kTransformerSettings;
}
std::span<const KeyRule> module_keys() {
  return kModuleSettings;
}

void settle_keys(const AuditedConfig& config, std::span<const KeyRule> rules,
                 const std::string& where, std::vector<std::string>& notes) {
  const std::string note = unknown_keys_note(config.check_unread(rules, where), where);
  if (!note.empty()) notes.push_back(note);
}

}  // namespace embedtool
