#include "formats/weights/lora_weights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <utility>

#include "core/base/error.hpp"
#include "core/math/matrix.hpp"
#include "core/model/weights.hpp"

namespace embedtool {
namespace {

constexpr std::string_view kRoot = "base_model.model.";
constexpr std::string_view kDown = ".lora_A.weight";
constexpr std::string_view kUp = ".lora_B.weight";
constexpr std::string_view kTableUp = ".lora_embedding_A";
constexpr std::string_view kTableDown = ".lora_embedding_B";

std::string_view without_root(std::string_view name) {
  if (name.starts_with(kRoot)) name.remove_prefix(kRoot.size());
  return name;
}

/// A tensor of a layer that has a change is kept one level deeper: "query.base_layer.bias".
std::string without_wrapper(std::string_view name) {
  constexpr std::string_view kWrapper = ".base_layer.";
  const std::size_t at = name.find(kWrapper);
  if (at == name.npos) return std::string(name);
  return fmt::format("{}.{}", name.substr(0, at), name.substr(at + kWrapper.size()));
}

/// Whether the last parts of a dotted path are `name`.
bool ends_in(std::string_view path, std::string_view name) {
  return path.ends_with(name) &&
         (path.size() == name.size() || path[path.size() - name.size() - 1] == '.');
}

bool is_matrix(const TensorView& tensor) {
  return tensor.shape.size() == 2;
}

}  // namespace

double LoraScaling::factor(std::string_view module, std::size_t rank) const {
  const std::pair<const std::string, double>* chosen = nullptr;
  for (const auto& entry : alpha_of) {
    if (!ends_in(module, entry.first)) continue;
    // PEFT takes the first in the file's order, which our reader of JSON does not keep.
    if (chosen != nullptr) {
      throw Error(ExitCode::model, "alpha_pattern: both '{}' and '{}' fit {}", chosen->first,
                  entry.first, module);
    }
    chosen = &entry;
  }
  const double scale = chosen == nullptr ? alpha : chosen->second;
  const auto r = static_cast<double>(rank);
  return scale / (by_root ? std::sqrt(r) : r);
}

/// Finds the model's name for one of the adapter's: either may have a prefix that the other lacks.
class LoraWeights::Matcher {
 public:
  Matcher(const WeightSource& base, const std::vector<std::string>& prefixes)
      : prefixes_(prefixes) {
    for (const std::string_view name : base.names()) {
      names_.emplace(without_prefix(name, prefixes_), name);
    }
  }

  /// "" if there is none.
  std::string_view find(std::string_view name) const {
    const auto found = names_.find(without_prefix(name, prefixes_));
    return found == names_.end() ? std::string_view() : found->second;
  }

 private:
  const std::vector<std::string>& prefixes_;
  std::map<std::string_view, std::string_view> names_;
};

LoraWeights::LoraWeights(std::unique_ptr<WeightSource> base, std::unique_ptr<WeightSource> adapter,
                         const LoraScaling& scaling, const std::vector<std::string>& prefixes)
    : base_(std::move(base)), adapter_(std::move(adapter)) {
  const Matcher matcher(*base_, prefixes);
  for (const std::string_view name : adapter_->names()) {
    if (name.ends_with(kDown)) {
      add_linear(name, matcher, scaling);
    } else if (name.ends_with(kTableUp)) {
      add_table(name, matcher, scaling);
    } else if (name.ends_with(kUp)) {
      partner(name, kUp, kDown);
    } else if (name.ends_with(kTableDown)) {
      partner(name, kTableDown, kTableUp);
    } else if (name.find(".lora_") != name.npos) {
      fail(name, "only lora_A and lora_B of linear layers and of embeddings are merged");
    } else {
      add_whole(name, matcher);
    }
  }
  if (changed_.empty() && replaced_.empty()) {
    throw Error(ExitCode::model, "{}: changes nothing that {} has; is that its base model?",
                adapter_->describe(), base_->describe());
  }
  for (const std::string& name : changed_) {
    if (replaced_.count(name) > 0) fail(name, "is replaced and changed at once");
  }
}

const TensorView& LoraWeights::partner(std::string_view name, std::string_view ending,
                                       std::string_view other) const {
  const std::string_view module = name.substr(0, name.size() - ending.size());
  const TensorView* tensor = adapter_->find(fmt::format("{}{}", module, other));
  if (tensor == nullptr) fail(name, fmt::format("there is no {} beside it", other.substr(1)));
  return *tensor;
}

void LoraWeights::add_linear(std::string_view name, const Matcher& matcher,
                             const LoraScaling& scaling) {
  const TensorView& down = *adapter_->find(name);
  const TensorView& up = partner(name, kDown, kUp);
  add_change(name.substr(0, name.size() - kDown.size()), down, up, matcher, scaling);
}

void LoraWeights::add_table(std::string_view name, const Matcher& matcher,
                            const LoraScaling& scaling) {
  const TensorView& a = *adapter_->find(name);
  const TensorView& b = partner(name, kTableUp, kTableDown);
  add_change(name.substr(0, name.size() - kTableUp.size()), transposed(b), transposed(a), matcher,
             scaling);
}

/// PEFT keeps the two matrices of an embedding table with the ranks outside.
const TensorView& LoraWeights::transposed(const TensorView& tensor) {
  if (!is_matrix(tensor)) fail(tensor.name, "is not a matrix");
  const auto rows = static_cast<std::size_t>(tensor.shape[0]);
  const auto columns = static_cast<std::size_t>(tensor.shape[1]);
  std::vector<float> stored(rows * columns);
  widen_into(tensor, stored.data());
  std::vector<float>& turned = turned_.emplace_back(stored.size());
  Matrix(turned.data(), columns, rows).noalias() =
      ConstMatrix(stored.data(), rows, columns).transpose();
  return turned_views_.emplace_back(TensorView{tensor.name,
                                               DType::f32,
                                               {tensor.shape[1], tensor.shape[0]},
                                               std::as_bytes(std::span<const float>(turned))});
}

/// `module` is the adapter's; of a linear layer or a table, `down` [rank, in] and `up` [out, rank].
void LoraWeights::add_change(std::string_view module, const TensorView& down, const TensorView& up,
                             const Matcher& matcher, const LoraScaling& scaling) {
  const std::string_view path = without_root(module);
  const std::string_view target = matcher.find(fmt::format("{}.weight", path));
  if (target.empty()) {
    left_out_.emplace_back(path);
    return;
  }
  const TensorView& weight = *base_->find(target);
  const bool fits = is_matrix(down) && is_matrix(up) && is_matrix(weight) && down.shape[0] > 0 &&
                    up.shape[1] == down.shape[0] && up.shape[0] == weight.shape[0] &&
                    down.shape[1] == weight.shape[1];
  if (!fits) {
    fail(down.name,
         fmt::format("its shape [{}] and the [{}] of {} do not fit {} [{}] of the base model",
                     fmt::join(down.shape, ", "), fmt::join(up.shape, ", "), up.name, target,
                     fmt::join(weight.shape, ", ")));
  }
  const double scale = scaling.factor(path, static_cast<std::size_t>(down.shape[0]));
  if (!changes_.emplace(&weight, LowRankChange{&down, &up, static_cast<float>(scale)}).second) {
    fail(down.name, fmt::format("{} has a change already", target));
  }
  changed_.emplace_back(target);
}

void LoraWeights::add_whole(std::string_view name, const Matcher& matcher) {
  const std::string path = without_wrapper(without_root(name));
  const std::string_view target = matcher.find(path);
  if (target.empty()) {
    left_out_.push_back(path);
  } else {
    replaced_.emplace(target, adapter_->find(name));
  }
}

const TensorView* LoraWeights::find(std::string_view name) const {
  const auto found = replaced_.find(name);
  return found == replaced_.end() ? base_->find(name) : found->second;
}

const LowRankChange* LoraWeights::change_of(const TensorView& tensor) const {
  const auto found = changes_.find(&tensor);
  return found == changes_.end() ? nullptr : &found->second;
}

void LoraWeights::fail(std::string_view tensor, const std::string& what) const {
  throw Error(ExitCode::model, "{}: {}: {}", adapter_->describe(), tensor, what);
}

}  // namespace embedtool
