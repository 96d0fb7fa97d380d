#include "formats/model/model_comparison.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/model/model_prompts.hpp"

namespace embedtool {
namespace {

std::string double_quoted(const std::string& text) {
  return fmt::format("\"{}\"", text);
}

// The prompt that documents get when none is named.
std::string document_prompt(const LoadedModel& model) {
  for (const char* name : kDocumentPrompts) {
    const auto found = model.prompts.find(name);
    if (found != model.prompts.end())
      return fmt::format("{} ({})", double_quoted(found->second), name);
  }
  if (model.default_prompt_name) {
    return fmt::format("{} ({})", double_quoted(model.prompts.at(*model.default_prompt_name)),
                       *model.default_prompt_name);
  }
  return "none";
}

std::string query_prompt(const LoadedModel& model) {
  const auto found = model.prompts.find("query");
  if (found != model.prompts.end()) return double_quoted(found->second) + " (query)";
  return model.default_prompt_name ? "the default prompt" : "none";
}

// Names of the types that the weights are stored in, apart from integers.
std::set<std::string> stored_types(const WeightSource& weights) {
  std::set<std::string> types;
  for (const std::string_view name : weights.names()) {
    try {
      const TensorView& tensor = *weights.find(name);
      const bool integer = tensor.dtype == DType::i64 || tensor.dtype == DType::i32 ||
                           tensor.dtype == DType::boolean || tensor.dtype == DType::u8;
      if (!integer) types.emplace(name_of(tensor.dtype));
    } catch (const Error&) {
      types.emplace("a type that is not read");
    }
  }
  return types;
}

class Comparison {
 public:
  explicit Comparison(const LoadedModel& model) : model_(model) {}

  std::vector<ComparisonPoint> run() {
    add_code();
    add_precision();
    add_same("tokens", model_.max_tokens.value == 0
                           ? std::string("texts of any length")
                           : fmt::format("texts are cut after {} tokens", model_.max_tokens.value));
    add_prompts();
    if (model_.tasks) {
      add("task", "encode(task=...) puts an adapter in force; by default none",
          "--prompt-name puts an adapter in force, beside its prompt; by default none");
    }
    add_pooling();
    add_normalization();
    add_similarity();
    return std::move(points_);
  }

 private:
  void add(std::string point, std::string theirs, std::string ours) {
    points_.push_back({std::move(point), std::move(theirs), std::move(ours)});
  }
  void add_same(std::string point, const std::string& both) { add(std::move(point), both, both); }

  void add_code() {
    if (model_.own_code.empty()) return add_same("code", "the family's usual class");
    add("code",
        fmt::format("runs {} of the model if trust_remote_code is set, else the usual class",
                    model_.own_code),
        fmt::format("computes what {} does, without running it", model_.own_code));
  }

  void add_precision() {
    const std::set<std::string> types = stored_types(*model_.weights);
    const std::string stored = fmt::format("{}", fmt::join(types, ", "));
    const std::string ours = "f32 arithmetic (--compute changes it)";
    if (types == std::set<std::string>{"f32"}) {
      return add("precision", "f32 arithmetic", "f32 arithmetic");
    }
    add("precision", fmt::format("loads and computes in the stored type: {}", stored),
        fmt::format("weights stored as {} are widened: {}", stored, ours));
  }

  void add_prompts() {
    if (model_.colbert && !model_.colbert->uses_prompts) {
      return add_same("prompt", "a marker token before documents and queries");
    }
    const std::string ours =
        fmt::format("documents: {}; queries: {}", document_prompt(model_), query_prompt(model_));
    const bool falls_back = model_.default_prompt_name &&
                            ours.find('(' + *model_.default_prompt_name + ')') != std::string::npos;
    // encode_document() never falls back on the default prompt; encode() does.
    add("prompt",
        falls_back ? "as here in encode(); encode_document() adds no default prompt" : ours, ours);
    if (!model_.pools_prompt)
      add_same("prompt_pooling", "prompt tokens are left out of the pooling");
  }

  void add_pooling() {
    const std::string source =
        model_.has_modules ? model_.pooling_source : model_.pooling_source + " (no modules.json)";
    add_same("pooling", source);
  }

  void add_normalization() {
    const bool unit = model_.head.normalize;
    const std::string ours = unit ? "vectors have unit length" : "vectors keep their length";
    // Without modules.json, sentence-transformers appends no Normalize module.
    const bool theirs = unit && (model_.has_modules || model_.spec.layers == 0);
    if (theirs == unit) return add_same("length", ours);
    add("length", "vectors keep their length (no modules.json)", ours + "; --no-normalize");
  }

  void add_similarity() {
    const std::string name = model_.similarity.empty() ? "cosine" : model_.similarity;
    const bool known = name == "cosine" || name == "dot" || name == "dot_score";
    const std::string theirs = "similarity() compares by " + name;
    if (known) return add_same("similarity", "compared by " + name);
    add("similarity", theirs, "search does not compare by " + name);
  }

  const LoadedModel& model_;
  std::vector<ComparisonPoint> points_;
};

}  // namespace

std::vector<ComparisonPoint> compare_with_sentence_transformers(const LoadedModel& model) {
  return Comparison(model).run();
}

}  // namespace embedtool
