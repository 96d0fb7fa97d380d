#include "cli/array_task.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

using Variables = std::function<std::optional<std::string>(const char*)>;

/// What an engine tells the tasks of an array.
struct Engine {
  const char* name;
  const char* index;
  const char* count = nullptr;  ///< null = it does not tell
  const char* first = nullptr;  ///< index of the first task, of the last, and between two
  const char* last = nullptr;
  const char* step = nullptr;
  std::optional<std::uint64_t> base =
      std::nullopt;       ///< where `first` is null; none = either 0 or 1
  const char* none = "";  ///< the index outside of arrays
};

// Slurm: `sbatch --array` (count, first, last and step agree only for regular arrays: a retry of
// tasks 1,3,5 has count 3). LSF: 0 outside of arrays. SGE: "undefined" likewise.
constexpr std::array kEngines{
    Engine{"Slurm", "SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT", "SLURM_ARRAY_TASK_MIN",
           "SLURM_ARRAY_TASK_MAX", "SLURM_ARRAY_TASK_STEP", 0},
    Engine{.name = "Kubernetes", .index = "JOB_COMPLETION_INDEX", .base = 0},
    Engine{.name = "AWS Batch",
           .index = "AWS_BATCH_JOB_ARRAY_INDEX",
           .count = "AWS_BATCH_JOB_ARRAY_SIZE",
           .base = 0},
    Engine{.name = "PBS", .index = "PBS_ARRAY_INDEX"},
    Engine{.name = "Torque", .index = "PBS_ARRAYID"},
    Engine{.name = "Grid Engine",
           .index = "SGE_TASK_ID",
           .first = "SGE_TASK_FIRST",
           .last = "SGE_TASK_LAST",
           .step = "SGE_TASK_STEPSIZE",
           .base = 1,
           .none = "undefined"},
    Engine{.name = "LSF",
           .index = "LSB_JOBINDEX",
           .last = "LSB_JOBINDEX_END",
           .step = "LSB_JOBINDEX_STEP",
           .base = 1,
           .none = "0"},
    Engine{.name = "GNU parallel", .index = "PARALLEL_SEQ", .base = 1},
    Engine{.name = "Google Batch",
           .index = "BATCH_TASK_INDEX",
           .count = "BATCH_TASK_COUNT",
           .base = 0},
    Engine{.name = "Cloud Run",
           .index = "CLOUD_RUN_TASK_INDEX",
           .count = "CLOUD_RUN_TASK_COUNT",
           .base = 0},
};

constexpr const char* kAdvice =
    "name the part, as in --part 3/8, or the units that are missing (embedtool merge OUT --missing "
    "lists them) with --units";

std::optional<std::uint64_t> parse(std::string_view word) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> number(const Variables& variable, const char* name) {
  if (name == nullptr) return std::nullopt;
  const auto word = variable(name);
  if (!word || word->empty()) return std::nullopt;
  const auto value = parse(*word);
  if (value) return value;
  throw Error(ExitCode::usage, "--part auto: {} is '{}', which is not a number; {}", name, *word,
              kAdvice);
}

const Engine& find_engine(const Variables& variable) {
  const Engine* found = nullptr;
  for (const Engine& engine : kEngines) {
    const auto index = variable(engine.index);
    if (!index || index->empty() || *index == engine.none) continue;
    if (found != nullptr) {
      throw Error(ExitCode::usage,
                  "--part auto: this is a task of {} ({}) and of {} ({}) at once; {}", found->name,
                  found->index, engine.name, engine.index, kAdvice);
    }
    found = &engine;
  }
  if (found != nullptr) return *found;
  throw Error(
      ExitCode::usage,
      "--part auto: this is no task of a job array that embedtool knows (embedtool-parts(7) "
      "lists them); {}",
      kAdvice);
}

/// By the engine's own account of its array.
ArrayPlace regular_place(const Engine& engine, const Variables& variable, std::uint64_t index) {
  const auto count = number(variable, engine.count);
  const std::uint64_t first = number(variable, engine.first).value_or(engine.base.value_or(0));
  const auto last = number(variable, engine.last);
  const std::uint64_t step = number(variable, engine.step).value_or(1);
  if (!count && !last) {
    throw Error(
        ExitCode::usage,
        "--part auto: {} does not tell how many tasks there are; add the number, as in --part "
        "auto/8{}",
        engine.name, engine.base ? "" : "@1 (if the first task has index 1; else @0)");
  }
  const bool stepped = step > 0 && index >= first && (index - first) % step == 0;
  const bool fits = !count || !last || (*count > 0 && *last == first + step * (*count - 1));
  if (!stepped || !fits) {
    throw Error(
        ExitCode::usage,
        "--part auto: task {} of {} is one of an array with gaps, so that its number of tasks is "
        "not the number of parts; say how many parts there are and where they are counted from, as "
        "in --part auto/8 or auto/8@1, or {}",
        index, engine.name, kAdvice);
  }
  ArrayPlace place;
  place.part = (index - first) / step + 1;
  place.parts = count ? *count : (*last - std::min(first, *last)) / step + 1;
  return place;
}

}  // namespace

PartWish parse_part(const std::string& word) {
  constexpr std::string_view kAuto = "auto";
  const auto refuse = [&] {
    throw Error(ExitCode::usage,
                "--part {}: give K/N with K from 1 to N, auto, auto/N or auto/N@FIRST", word);
  };
  PartWish wish;
  std::string_view rest = word;
  const std::size_t slash = rest.find('/');
  const std::string_view head = rest.substr(0, slash);
  wish.automatic = head == kAuto;
  if (wish.automatic && slash == std::string_view::npos) return wish;
  if (slash == std::string_view::npos) refuse();
  rest.remove_prefix(slash + 1);
  if (const std::size_t at = rest.find('@'); wish.automatic && at != std::string_view::npos) {
    wish.base = parse(rest.substr(at + 1));
    if (!wish.base) refuse();
    rest = rest.substr(0, at);
  }
  const auto parts = parse(rest);
  const auto part = wish.automatic ? std::optional<std::uint64_t>(1) : parse(head);
  if (!parts || !part || *part == 0 || *part > *parts) refuse();
  wish.part = *part;
  wish.parts = *parts;
  return wish;
}

ArrayPlace find_place(const PartWish& wish, const Variables& variable) {
  if (!wish.automatic) return {wish.part, wish.parts};
  const Engine& engine = find_engine(variable);
  if (const auto tasks = number(variable, "SLURM_NTASKS");
      std::string_view(engine.name) == "Slurm" && tasks.value_or(1) > 1) {
    throw Error(ExitCode::usage,
                "--part auto: SLURM_NTASKS is {}: srun would start several processes that take the "
                "same part; ask for --ntasks=1 and --cpus-per-task, or {}",
                *tasks, kAdvice);
  }
  const std::uint64_t index = number(variable, engine.index).value_or(0);
  if (wish.parts == 0) return regular_place(engine, variable, index);
  if (!wish.base && !engine.base) {
    throw Error(ExitCode::usage,
                "--part auto/{0}: {1} does not tell where an array begins; add that, as in --part "
                "auto/{0}@1",
                wish.parts, engine.name);
  }
  const std::uint64_t base = wish.base.value_or(engine.base.value_or(0));
  if (index < base || index - base >= wish.parts) {
    throw Error(ExitCode::usage,
                "--part auto/{0}: {1} is {2}, but parts are counted from {3} to {4}; if the first "
                "task has another index, add it, as in --part auto/{0}@{5}",
                wish.parts, engine.index, index, base, base + wish.parts - 1, base == 0 ? 1 : 0);
  }
  return {index - base + 1, wish.parts};
}

std::optional<std::string> environment_variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace embedtool
