#pragma once

#include <cstdint>
#include <string>

#include "core/base/enum_words.hpp"

namespace embedtool {

/// Element-wise functions between linear layers.
enum class Activation : std::uint8_t {
  identity,
  gelu,       ///< x Φ(x), the exact erf form
  gelu_tanh,  ///< Hendrycks and Gimpel's tanh approximation ("gelu_new", "gelu_pytorch_tanh")
  relu,
  silu,
  tanh,
  sigmoid,
};

// The words of transformers' ACT2FN and of torch.nn's modules, in lower case.
template <>
inline constexpr auto enum_words<Activation> = std::to_array<EnumWord<Activation>>({
    {Activation::identity, "identity"},
    {Activation::identity, "linear"},
    {Activation::identity, "none"},
    {Activation::identity, ""},
    {Activation::gelu, "gelu"},
    {Activation::gelu, "gelu_python"},
    {Activation::gelu_tanh, "gelu_tanh"},
    {Activation::gelu_tanh, "gelu_new"},
    {Activation::gelu_tanh, "gelu_fast"},
    {Activation::gelu_tanh, "gelu_pytorch_tanh"},
    {Activation::gelu_tanh, "gelu_accurate"},
    {Activation::relu, "relu"},
    {Activation::silu, "silu"},
    {Activation::silu, "swish"},
    {Activation::tanh, "tanh"},
    {Activation::sigmoid, "sigmoid"},
});

/// The activation that a configuration names: `hidden_act`, a sentence-transformers
/// `activation_function` or a torch class path ("torch.nn.modules.activation.Tanh"). Throws
/// Error(ExitCode::model) naming `where` when it is unknown.
Activation parse_activation(const std::string& name, const std::string& where);

}  // namespace embedtool
