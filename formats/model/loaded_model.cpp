#include "formats/model/loaded_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {

void choose_head(LoadedModel& model, HeadKind kind) {
  if (kind == model.head_kind) return;
  std::string names(name_of(model.head_kind));
  for (HeadChoice& choice : model.more_heads) {
    if (choice.kind == kind) {
      std::swap(choice.head, model.head);
      std::swap(choice.kind, model.head_kind);
      std::swap(choice.source, model.pooling_source);
      model.normalize_source = model.pooling_source;
      return;
    }
    names += fmt::format(", {}", name_of(choice.kind));
  }
  throw Error(ExitCode::usage, "--head {}: {} has only: {}", name_of(kind), model.name, names);
}

void choose_task(LoadedModel& model, const std::string& task) {
  const std::vector<std::string> none;
  const std::vector<std::string>& names = model.tasks ? model.tasks->names : none;
  const auto found = std::find(names.begin(), names.end(), task);
  if (found == names.end()) {
    throw Error(ExitCode::usage, "{} has no adapter for '{}', only for: {}", model.name, task,
                fmt::join(names, ", "));
  }
  model.tasks->weights->choose(static_cast<std::size_t>(found - names.begin()));
}

void choose_role(LoadedModel& model, bool query) {
  if (query && model.query_encoder) {
    QueryEncoder& own = *model.query_encoder;
    model.spec = std::move(own.spec);
    model.head = std::move(own.head);
    model.weights = std::move(own.weights);
    model.tokenizer = std::move(own.tokenizer);
    model.max_tokens = std::move(own.max_tokens);
    return;
  }
  if (!model.colbert) return;
  const ColbertSettings& settings = *model.colbert;
  model.tokenizer = make_colbert_tokenizer(std::move(model.tokenizer), settings, query);
  const bool fills = query && settings.expands_queries;
  if (query ? settings.skips_in_queries : settings.skips_in_documents) {
    model.head.skipped = settings.skipped;
  }
  if (fills && !settings.sees_expansion) model.spec.unseen_tail = settings.expansion;
  if (!query) return;
  const std::size_t positions = model.spec.max_positions;
  model.max_tokens = {
      positions == 0 ? settings.query_length : std::min(positions, settings.query_length),
      "queries; " + settings.source};
}

}  // namespace embedtool
