#pragma once

#include <cstdint>
#include <string>

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

/// The activation that a configuration names: `hidden_act`, a sentence-transformers
/// `activation_function` or a torch class path ("torch.nn.modules.activation.Tanh"). Throws
/// Error(ExitCode::model) naming `where` when it is unknown.
Activation parse_activation(const std::string& name, const std::string& where);

const char* name_of(Activation activation);

}  // namespace embedtool
