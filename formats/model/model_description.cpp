#include "formats/model/model_description.hpp"

#include <fmt/format.h>

#include <map>

#include "core/base/error.hpp"
#include "core/base/human.hpp"
#include "core/model/row_shape.hpp"
#include "formats/model/model_comparison.hpp"
#include "formats/model/model_unused.hpp"

namespace embedtool {
namespace {

// Sums over the tensors of a WeightSource.
struct WeightTotals {
  std::uint64_t parameters = 0;
  std::uint64_t bytes = 0;
  std::map<std::string, std::uint64_t> bytes_by_type;
  std::uint64_t tensors = 0;

  void add(const WeightSource& source) {
    for (const std::string_view name : source.names()) {
      ++tensors;
      try {
        const TensorView& tensor = *source.find(name);
        parameters += static_cast<std::uint64_t>(tensor.elements());
        bytes += tensor.bytes.size();
        bytes_by_type[std::string(name_of(tensor.dtype))] += tensor.bytes.size();
      } catch (const Error&) {
        bytes_by_type["unsupported"] += 0;  // said, but no reason not to describe the rest
      }
    }
  }

  std::string types() const {
    std::vector<std::string> names;
    for (const auto& [name, size] : bytes_by_type) names.push_back(name);
    return fmt::format("{}", fmt::join(names, ", "));
  }
};

// How a head pools, in words.
std::string pooling_of(const HeadSpec& head) {
  switch (head.sparse.kind) {
    case SparseKind::own_token:
      return "largest weight of each token of the text";
    case SparseKind::vocabulary:
      return head.sparse.sums ? "sum over the tokens" : "largest over the tokens";
    case SparseKind::none:
      break;
  }
  std::vector<std::string_view> modes;
  for (const Pooling mode : head.pooling) modes.push_back(name_of(mode));
  return fmt::format("{}{}", fmt::join(modes, " + "),
                     head.skips_first ? ", without the first token" : "");
}

void add_sparse_chain(const HeadSpec& head, std::vector<std::string>& out) {
  const SparseSpec& sparse = head.sparse;
  if (sparse.kind == SparseKind::own_token) {
    out.emplace_back("linear to 1, relu");
  } else {
    out.push_back(fmt::format("masked-language head through {}, {}", sparse.inner,
                              name_of(sparse.activation)));
    out.emplace_back(sparse.log_twice ? "relu, log(1 + x) twice" : "relu, log(1 + x)");
  }
  if (!sparse.skipped.empty()) {
    out.push_back(fmt::format("no weights for {} special tokens", sparse.skipped.size()));
  }
  if (head.dims > 0) out.push_back(fmt::format("the {} heaviest", head.dims));
}

std::vector<std::string> head_chain(const HeadSpec& head) {
  std::vector<std::string> out{"pooling " + pooling_of(head)};
  if (head.sparse.kind != SparseKind::none) {
    add_sparse_chain(head, out);
    return out;
  }
  for (const DenseSpec& dense : head.dense) {
    out.push_back(fmt::format("dense {} -> {}{}, {}{}", dense.in, dense.out,
                              dense.bias ? "" : " without bias", name_of(dense.activation),
                              dense.residual ? ", residual" : ""));
  }
  if (head.dims > 0) out.push_back(fmt::format("first {} dimensions", head.dims));
  if (head.normalize) out.emplace_back("unit length");
  return out;
}

std::uint64_t output_dims(const LoadedModel& model) {
  return row_shape(model.head, model.spec.hidden, model.spec.vocab_size).dims;
}

class Describer {
 public:
  explicit Describer(const LoadedModel& model) : model_(model) {}

  ModelDescription run() {
    add("model", model_.name, model_.where);
    add("fingerprint", model_.fingerprint);
    add_shape();
    add("max_tokens", number(model_.max_tokens.value), model_.max_tokens.why);
    add("pooling", pooling_of(model_.head), model_.pooling_source);
    add("normalize", model_.head.normalize, model_.normalize_source);
    add("head", head_chain(model_.head));
    add_heads();
    add("dimensions", output_dims(model_),
        model_.head.sparse.kind == SparseKind::none ? "" : "weights for some of the tokens");
    add_tokenizer();
    add_colbert();
    add_prompts();
    add_weights();
    add_comparison();
    if (!model_.notes.empty()) add("notes", model_.notes);
    return std::move(out_);
  }

 private:
  static std::uint64_t number(std::size_t value) { return value; }

  void add(std::string key, DescriptionValue value, std::string why = "") {
    out_.lines.push_back({std::move(key), std::move(value), std::move(why)});
  }

  void add_shape() {
    const ModelSpec& spec = model_.spec;
    add("family", spec.family, spec.layers == 0 ? "static token vectors" : "transformer encoder");
    if (spec.layers > 0) {
      add("layers", number(spec.layers));
      add("hidden", number(spec.hidden));
      add("heads", number(spec.heads),
          spec.key_heads() == spec.heads ? "" : fmt::format("{} for keys", spec.key_heads()));
      add("ffn", number(spec.ffn),
          fmt::format("{}{}", name_of(spec.activation), spec.gated ? ", gated" : ""));
      if (const ExpertsSpec& experts = spec.experts; experts.count > 0) {
        add("experts", number(experts.count),
            fmt::format("{} for a token, in {} of {} layers", experts.chosen,
                        std::count(experts.layers.begin(), experts.layers.end(), 1), spec.layers));
      }
      if (spec.max_positions > 0) {
        add("positions", number(spec.max_positions), kinds_of_positions(spec));
      }
      add("attention", attention_of(spec));
    } else {
      add("hidden", number(spec.hidden));
    }
    add("vocabulary", number(spec.vocab_size));
  }

  static std::string kinds_of_positions(const ModelSpec& spec) {
    std::string kinds = spec.relative_bias ? "bias by distance" : "";
    const char* own = spec.positions == Positions::learned  ? "learned"
                      : spec.positions == Positions::rotary ? "rotary"
                      : spec.positions == Positions::alibi  ? "ALiBi"
                                                            : "";
    if (*own != '\0' && !kinds.empty()) kinds += ", ";
    return kinds + own;
  }

  static std::string attention_of(const ModelSpec& spec) {
    std::string text = spec.causal ? "causal" : "bidirectional";
    std::size_t local = 0;
    for (std::size_t i = 0; i < spec.layers; ++i) local += spec.is_local(i) ? 1U : 0U;
    if (local > 0) {
      text += fmt::format(", {} of {} layers see {} tokens either way", local, spec.layers,
                          spec.local_span);
    }
    return text;
  }

  /// Only where there is a choice.
  void add_heads() {
    if (model_.more_heads.empty() && model_.head_kind == HeadKind::dense) return;
    std::vector<std::string> names{std::string(name_of(model_.head_kind))};
    std::string sources;
    for (const HeadChoice& choice : model_.more_heads) {
      names.emplace_back(name_of(choice.kind));
      sources += fmt::format("; {}: {}", name_of(choice.kind), choice.source);
    }
    add("heads", names, fmt::format("--head; the default is {}{}", names[0], sources));
  }

  void add_tokenizer() {
    if (model_.tokenizer == nullptr) {
      add("tokenizer", std::string("none"), "only records with input_ids can be encoded");
      return;
    }
    add("tokenizer", std::string(model_.tokenizer->kind()),
        fmt::format("{} pieces", model_.tokenizer->vocab_size()));
  }

  void add_colbert() {
    if (!model_.colbert) return;
    const ColbertSettings& settings = *model_.colbert;
    const auto marker = [this](std::optional<TokenId> id) {
      return id ? fmt::format("marker \"{}\"", model_.tokenizer->token(*id)) : "no marker";
    };
    std::string query = marker(settings.query_marker);
    if (settings.expands_queries) {
      query += fmt::format(", padded with {} to {} tokens{}",
                           model_.tokenizer->token(settings.expansion), settings.query_length,
                           settings.sees_expansion ? "" : ", which other tokens do not attend to");
    }
    add("query", std::move(query), "--prompt-name query");
    add("document",
        fmt::format("{}, no vectors for {} punctuation tokens", marker(settings.document_marker),
                    settings.skipped.size()),
        "the default of encode");
  }

  void add_prompts() {
    if (!model_.prompts.empty()) {
      add("prompts",
          std::vector<std::pair<std::string, std::string>>(model_.prompts.begin(),
                                                           model_.prompts.end()),
          model_.pools_prompt ? "" : "prompt tokens are left out of the pooling");
    }
    if (model_.default_prompt_name) add("default_prompt", *model_.default_prompt_name);
    if (model_.tasks) {
      add("tasks", fmt::format("{}", fmt::join(model_.tasks->names, ", ")),
          "--prompt-name puts the adapter of one in force, beside its prompt; by default none");
    }
    if (!model_.similarity.empty()) add("similarity", model_.similarity);
  }

  /// What sentence-transformers would do, a line for each respect.
  void add_comparison() {
    for (const ComparisonPoint& point : compare_with_sentence_transformers(model_)) {
      add("st_" + point.point, point.ours,
          point.same() ? "sentence-transformers: the same"
                       : "sentence-transformers: " + point.theirs);
    }
  }

  void add_weights() {
    WeightTotals totals;
    totals.add(*model_.weights);
    for (const auto& dense : model_.dense_weights) totals.add(*dense);
    add("parameters", totals.parameters, fmt::format("{} tensors", totals.tensors));
    add("weights", totals.types(), human_bytes(totals.bytes));
    const std::vector<std::string> unused =
        unused_tensors(model_.spec, model_.head, *model_.weights);
    if (!unused.empty()) add("unused", unused, "tensors that no embedding needs");
    add_memory(totals.parameters);
  }

  // The token table is read from the map as it is stored; all else is held in the precision that
  // is computed in (scales of int8 are not counted).
  void add_memory(std::uint64_t parameters) {
    const TensorView* table = find_table();
    const std::uint64_t stored = table != nullptr ? table->bytes.size() : 0;
    const std::uint64_t in_table =
        table != nullptr ? static_cast<std::uint64_t>(table->elements()) : 0;
    const std::uint64_t others = parameters - in_table;
    const auto add_line = [&](const char* key, std::uint64_t bytes, const char* precision) {
      const std::uint64_t sum = stored + others * bytes;
      add(key, sum,
          fmt::format("{}: the token table as stored, the rest in {}", human_bytes(sum),
                      precision));
    };
    add_line("memory_f32", 4, "f32");
    if (model_.spec.layers == 0) return;
    add_line("memory_bf16", 2, "bf16");
    add_line("memory_int8", 1, "int8");
  }

  const TensorView* find_table() const {
    const std::string& name = model_.spec.names.word_embeddings;
    if (const TensorView* tensor = model_.weights->find(name)) return tensor;
    for (const std::string& prefix : model_.spec.prefixes) {
      if (const TensorView* tensor = model_.weights->find(prefix + name)) return tensor;
    }
    return nullptr;
  }

  const LoadedModel& model_;
  ModelDescription out_;
};

struct TextOf {
  std::string operator()(const std::string& text) const { return text; }
  std::string operator()(std::uint64_t value) const { return std::to_string(value); }
  std::string operator()(bool value) const { return value ? "yes" : "no"; }
  std::string operator()(const std::vector<std::string>& list) const {
    return fmt::format("{}", fmt::join(list, ", "));
  }
  std::string operator()(const std::vector<std::pair<std::string, std::string>>& named) const {
    std::vector<std::string> parts;
    parts.reserve(named.size());
    for (const auto& [name, text] : named) parts.push_back(fmt::format("{}: \"{}\"", name, text));
    return fmt::format("{}", fmt::join(parts, ", "));
  }
};

}  // namespace

ModelDescription describe(const LoadedModel& model) {
  return Describer(model).run();
}

std::string to_text(const DescriptionValue& value) {
  return std::visit(TextOf{}, value);
}

}  // namespace embedtool
