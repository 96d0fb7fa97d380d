#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/io/json_document.hpp"

namespace embedtool {

/// The adapters of a model that has one for each task (Jina embeddings v3).
struct TaskAdapters {
  std::vector<std::string> tasks;  ///< in the order of the tensors
  double alpha = 1.0;              ///< alpha / rank is how much of an adapter counts
};

/// `lora_adaptations` and `lora_alpha` of config.json; nothing where the model has no such
/// adapters. Throws Error(ExitCode::model).
std::optional<TaskAdapters> read_task_adapters(const JsonConfig& config);

/// The task of the queries that search documents encoded for `task`: of a pair for retrieval the
/// other, else the same.
std::string query_task(const std::string& task, const std::vector<std::string>& tasks);

}  // namespace embedtool
