#include "core/model/families/config_keys.hpp"

#include <array>

namespace embedtool {
namespace {

constexpr std::string_view kNoCode =
    "this family's code has no such thing here; use a model without it";
constexpr std::string_view kQuantized =
    "weights that are quantized in this way are not read; use the original model's safetensors "
    "weights, or a GGUF file";
constexpr std::string_view kExperts = "layers of several experts are not built for this family";
constexpr std::string_view kRouting = "experts are not chosen, weighed or shaped in this way here";
constexpr std::string_view kEncodersOnly = "only encoders are supported, not decoders";

constexpr auto kRules = std::to_array<KeyRule>({
    // Weights that are not what their names say.
    {"quantization_config.*", kAny, ""},  // describe_model() looks at the method
    {"quantization_config", "", kQuantized},
    {"quantization", "", kQuantized},
    {"compression_config", "", kQuantized},
    {"lora_adaptations", "", "the adapters of this model are not merged; use a merged model"},
    {"lora_*", kAny, ""},  // how they were trained
    {"load_trained_adapters", kAny, ""},
    {"task_instructions*", kAny, ""},  // sentence-transformers has its own

    // Attention.
    {"is_decoder", "false", kEncodersOnly},
    {"add_cross_attention", "false", kEncodersOnly},
    {"is_encoder_decoder", kAny, ""},  // of T5, the encoder is what is used
    {"is_causal", "", "this family's attention does not depend on it: remove the key"},
    {"use_bidirectional_attention", "", "this family's attention does not depend on it"},
    {"position_embedding_type", R"("absolute")", "this family has only learned positions"},
    {"attn_logit_softcapping", "0|0.0", kNoCode},
    {"use_sliding_window", "false", kNoCode},
    {"sliding_window", "", kNoCode},
    {"layer_types", "", kNoCode},
    {"no_rope_layers", "[]", kNoCode},
    {"rope_scaling", "", "this family does not scale its positions"},
    {"rope_parameters", "", "this family does not scale its positions"},
    {"rope_scaling.*", kAny, ""},     // numbers that the type does not use
    {"rope_parameters.*", kAny, ""},  // likewise
    {"partial_rotary_factor", "1|1.0", "this family rotates whole heads"},
    {"logn_attention_scale", "false", kNoCode},
    {"logn_attention_clip1", kAny, ""},
    {"use_qk_norm", "false", kNoCode},
    {"pruned_heads", "{}", "pruned heads are not supported; save the model without them"},
    {"pretraining_tp", "1", kNoCode},

    // Layers.
    {"num_experts", "0|1", kExperts},
    {"num_local_experts", "0|1", kExperts},
    {"num_experts_per_tok", "0|1", kExperts},
    {"moe_impl", kAny, ""},
    {"moe_normalize_expert_weights", "false|0|0.0", kRouting},
    {"expert_choice_router", "false", kRouting},
    {"num_shared_experts", "0", kRouting},
    {"ffn_div", "1", kRouting},
    {"router_aux_loss_coef", kAny, ""},
    {"moe_resid_pdrop", kAny, ""},
    {"moe_*", "0|false|0.0", kExperts},
    {"enable_moe_block", "false", kExperts},
    {"adapter_*", kAny, ""},
    {"embedding_multiplier", "1|1.0", kNoCode},
    {"residual_multiplier", "1|1.0", kNoCode},
    {"attention_multiplier", "", kNoCode},
    {"prenorm", "false", kNoCode},
    {"use_rms_norm", "false", kNoCode},
    {"parallel_block", "false", kNoCode},
    {"pack_qkv", "true", kNoCode},
    {"embedding_size", "", kNoCode},
    {"num_hidden_groups", "1", kNoCode},
    {"inner_group_num", "1", kNoCode},

    // What loading finds out from the weights.
    {"attention_bias", kAny, ""},
    {"mlp_bias", kAny, ""},
    {"attention_out_bias", kAny, ""},
    {"attention_in_bias", kAny, ""},
    {"qkv_bias", kAny, ""},
    {"qkv_proj_bias", kAny, ""},
    {"mlp_fc1_bias", kAny, ""},
    {"mlp_fc2_bias", kAny, ""},
    {"relative_attention_num_buckets", kAny, ""},
    {"type_vocab_size", kAny, ""},

    // Names, types, versions.
    {"architectures", kAny, ""},
    {"auto_map*", kAny, ""},  // describe_model() looks at it
    {"model_type", kAny, ""},
    {"_name_or_path", kAny, ""},
    {"name_or_path", kAny, ""},
    {"name", kAny, ""},
    {"transformers_version", kAny, ""},
    {"sentence_transformers", kAny, ""},
    {"_commit_hash", kAny, ""},
    {"torch_dtype", kAny, ""},
    {"dtype", kAny, ""},
    {"model_max_length", kAny, ""},

    // Training and initialization.
    {"attention_probs_dropout_prob", kAny, ""},
    {"attention_dropout", kAny, ""},
    {"hidden_dropout_prob", kAny, ""},
    {"hidden_dropout", kAny, ""},
    {"dropout", kAny, ""},
    {"dropout_rate", kAny, ""},
    {"attn_pdrop", kAny, ""},
    {"embd_pdrop", kAny, ""},
    {"resid_pdrop", kAny, ""},
    {"mlp_dropout", kAny, ""},
    {"embedding_dropout", kAny, ""},
    {"classifier_*", kAny, ""},
    {"seq_classif_dropout", kAny, ""},
    {"qa_dropout", kAny, ""},
    {"initializer_*", kAny, ""},
    {"gradient_checkpointing", kAny, ""},
    {"sinusoidal_pos_embds", kAny, ""},  // learned positions, whatever they started as
    {"deterministic_flash_attn", kAny, ""},
    {"sparse_prediction", kAny, ""},
    {"sparse_pred_ignore_index", kAny, ""},
    {"repad_logits_with_grad", kAny, ""},
    {"emb_pooler", kAny, ""},
    {"clm_training", kAny, ""},

    // Special tokens (position tables that depend on one read it), tasks, outputs, generation.
    {"pad_token_id", kAny, ""},
    {"bos_token_id", kAny, ""},
    {"eos_token_id", kAny, ""},
    {"cls_token_id", kAny, ""},
    {"sep_token_id", kAny, ""},
    {"mask_token_id", kAny, ""},
    {"unk_token_id", kAny, ""},
    {"unk_index", kAny, ""},
    {"decoder_*", kAny, ""},
    {"id2label*", kAny, ""},
    {"label2id*", kAny, ""},
    {"num_labels", kAny, ""},
    {"_num_labels", kAny, ""},
    {"problem_type", kAny, ""},
    {"finetuning_task", kAny, ""},
    {"task_specific_params", kAny, ""},
    {"output_*", kAny, ""},
    {"return_dict", kAny, ""},
    {"use_cache", kAny, ""},
    {"use_return_dict", kAny, ""},
    {"tie_word_embeddings", kAny, ""},
    {"tie_weights_", kAny, ""},
    {"final_logit_softcapping", kAny, ""},
    {"logits_scaling", kAny, ""},
    {"pooler_*", kAny, ""},
    {"directionality", kAny, ""},
    {"summary_*", kAny, ""},
    {"use_qa_output_embeddings", kAny, ""},
    {"cross_attention_hidden_size", kAny, ""},
    {"tokenizer_class", kAny, ""},
    {"prefix", kAny, ""},
    {"generation_config", kAny, ""},
    {"max_new_tokens", kAny, ""},
    {"is_gated_act", kAny, ""},  // T5: repeats feed_forward_proj
    {"dense_act_fn", kAny, ""},  // likewise
    {"num_decoder_layers", kAny, ""},
    {"scale_decoder_outputs", kAny, ""},
    {"max_window_layers", kAny, ""},
    {"chunk_size_feed_forward", kAny, ""},
    {"attention_chunk_size", kAny, ""},

    // How the original's code computes the same thing.
    {"attn_implementation", kAny, ""},
    {"_attn_implementation", kAny, ""},
    {"_attn_implementation_autoset", kAny, ""},
    {"_flash_attn_2_enabled", kAny, ""},
    {"reference_compile", kAny, ""},
    {"unpad_inputs", kAny, ""},
    {"use_memory_efficient_attention", kAny, ""},
    {"use_flash_attn", kAny, ""},
    {"fused_bias_fc", kAny, ""},
    {"fused_dropout_add_ln", kAny, ""},
    {"pad_vocab_size_multiple", kAny, ""},
    {"memory_efficient_attention", kAny, ""},
    {"attn_mode", kAny, ""},
    {"window_size", "[-1, -1]|[-1,-1]|-1", kNoCode},
});

}  // namespace

std::span<const KeyRule> config_keys() {
  return kRules;
}

}  // namespace embedtool
