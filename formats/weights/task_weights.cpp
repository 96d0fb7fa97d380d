#include "formats/weights/task_weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "core/base/check.hpp"
#include "core/base/error.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kWrapper = ".parametrizations.weight.";
constexpr std::string_view kOriginal = "original";
constexpr std::string_view kA = "0.lora_A";
constexpr std::string_view kB = "0.lora_B";

using Shape = std::vector<std::int64_t>;

}  // namespace

TaskWeights::TaskWeights(std::unique_ptr<WeightSource> base, std::size_t tasks, double alpha)
    : base_(std::move(base)), tasks_(tasks), alpha_(alpha) {
  for (const std::string_view name : base_->names()) {
    const std::size_t at = name.find(kWrapper);
    if (at == name.npos) {
      others_.push_back(name);
      continue;
    }
    const std::string_view part = name.substr(at + kWrapper.size());
    if (part == kOriginal) {
      add_matrix(name);
    } else if (part != kA && part != kB) {
      fail(name, fmt::format("neither {}, {} nor {}", kOriginal, kA, kB));
    }
  }
}

void TaskWeights::add_matrix(std::string_view original) {
  const std::string_view module = original.substr(0, original.find(kWrapper));
  const TensorView& matrix = *base_->find(original);
  if (matrix.shape.size() != 2) fail(original, "is not a matrix");
  const TensorView& a = part_of(module, kA);
  const TensorView& b = part_of(module, kB);
  for (const TensorView* part : {&a, &b}) {
    const DType type = part->dtype;
    if (type == DType::f32 || type == DType::f16 || type == DType::bf16) continue;
    fail(part->name, fmt::format("has type {}, expected f32, f16 or bf16", name_of(type)));
  }
  const auto tasks = static_cast<std::int64_t>(tasks_);
  const std::int64_t out = matrix.shape[0];
  const std::int64_t in = matrix.shape[1];
  const std::int64_t rank_of_linear = a.shape.size() == 3 ? a.shape[1] : 0;
  const std::int64_t rank_of_table = a.shape.size() == 3 ? a.shape[2] : 0;
  const auto fits = [&](const TensorView& down, const TensorView& up, std::int64_t rank) {
    return rank > 0 && down.shape == Shape{tasks, rank, in} && up.shape == Shape{tasks, out, rank};
  };
  if (fits(a, b, rank_of_linear)) {
    adapters_.push_back({&matrix, &a, &b});
  } else if (fits(b, a, rank_of_table)) {
    adapters_.push_back({&matrix, &b, &a});
  } else {
    fail(a.name, fmt::format("its shape [{}] and the [{}] of {} do not fit {} adapters of [{}]",
                             fmt::join(a.shape, ", "), fmt::join(b.shape, ", "), kB, tasks,
                             fmt::join(matrix.shape, ", ")));
  }
  matrices_.emplace(fmt::format("{}.weight", module), &matrix);
}

const TensorView& TaskWeights::part_of(std::string_view module, std::string_view part) const {
  const std::string name = fmt::format("{}{}{}", module, kWrapper, part);
  const TensorView* tensor = base_->find(name);
  if (tensor == nullptr) fail(name, "is missing");
  return *tensor;
}

const TensorView* TaskWeights::slice(const TensorView& tensor, std::size_t task) {
  const std::size_t bytes = tensor.bytes.size() / tasks_;
  return &slices_.emplace_back(TensorView{tensor.name,
                                          tensor.dtype,
                                          {tensor.shape[1], tensor.shape[2]},
                                          tensor.bytes.subspan(task * bytes, bytes)});
}

void TaskWeights::choose(std::size_t task) {
  EMBEDTOOL_CHECK(task < tasks_);
  changes_.clear();
  slices_.clear();
  for (const Adapter& adapter : adapters_) {
    const auto rank = static_cast<double>(adapter.down->shape[1]);
    changes_.emplace(adapter.matrix,
                     LowRankChange{slice(*adapter.down, task), slice(*adapter.up, task),
                                   static_cast<float>(alpha_ / rank)});
  }
}

const TensorView* TaskWeights::find(std::string_view name) const {
  const auto found = matrices_.find(name);
  return found == matrices_.end() ? base_->find(name) : found->second;
}

std::vector<std::string_view> TaskWeights::names() const {
  std::vector<std::string_view> names = others_;
  for (const auto& [name, matrix] : matrices_) names.push_back(name);
  return names;
}

const LowRankChange* TaskWeights::change_of(const TensorView& tensor) const {
  const auto found = changes_.find(&tensor);
  return found == changes_.end() ? nullptr : &found->second;
}

void TaskWeights::fail(std::string_view tensor, const std::string& what) const {
  throw Error(ExitCode::model, "{}: {}: {}", base_->describe(), tensor, what);
}

}  // namespace embedtool
