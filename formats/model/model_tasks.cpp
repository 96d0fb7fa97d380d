#include "formats/model/model_tasks.hpp"

#include <algorithm>
#include <cmath>

#include "core/base/error.hpp"

namespace embedtool {

std::optional<TaskAdapters> read_task_adapters(const JsonConfig& config) {
  auto tasks = config.strings("lora_adaptations");
  if (!tasks || tasks->empty()) return std::nullopt;
  TaskAdapters adapters{std::move(*tasks), config.number("lora_alpha").value_or(1.0)};
  if (!std::isfinite(adapters.alpha)) {
    throw Error(ExitCode::model, "{}: lora_alpha is not a number", config.where());
  }
  return adapters;
}

std::string query_task(const std::string& task, const std::vector<std::string>& tasks) {
  constexpr std::string_view kDocuments = ".passage";
  if (!task.ends_with(kDocuments)) return task;
  const std::string queries = task.substr(0, task.size() - kDocuments.size()) + ".query";
  return std::find(tasks.begin(), tasks.end(), queries) == tasks.end() ? task : queries;
}

}  // namespace embedtool
