#include "core/math/activation.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

// Names of transformers' ACT2FN and of torch.nn modules, in lower case.
constexpr std::array<std::pair<const char*, Activation>, 15> kNames = {{
    {"gelu", Activation::gelu},
    {"gelu_python", Activation::gelu},
    {"gelu_new", Activation::gelu_tanh},
    {"gelu_fast", Activation::gelu_tanh},
    {"gelu_pytorch_tanh", Activation::gelu_tanh},
    {"gelu_accurate", Activation::gelu_tanh},
    {"relu", Activation::relu},
    {"silu", Activation::silu},
    {"swish", Activation::silu},
    {"tanh", Activation::tanh},
    {"sigmoid", Activation::sigmoid},
    {"linear", Activation::identity},
    {"identity", Activation::identity},
    {"none", Activation::identity},
    {"", Activation::identity},
}};

}  // namespace

Activation parse_activation(const std::string& name, const std::string& where) {
  std::string key = name.substr(name.rfind('.') + 1);  // npos + 1 = 0: the whole name
  std::transform(key.begin(), key.end(), key.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const auto& [known, activation] : kNames) {
    if (key == known) return activation;
  }
  throw Error(ExitCode::model,
              "{}: unknown activation \"{}\" (known: gelu, gelu_new, relu, silu, tanh, sigmoid, "
              "identity)",
              where, name);
}

const char* name_of(Activation activation) {
  switch (activation) {
    case Activation::identity:
      return "identity";
    case Activation::gelu:
      return "gelu";
    case Activation::gelu_tanh:
      return "gelu_tanh";
    case Activation::relu:
      return "relu";
    case Activation::silu:
      return "silu";
    case Activation::tanh:
      return "tanh";
    case Activation::sigmoid:
      return "sigmoid";
  }
  return "?";
}

}  // namespace embedtool
