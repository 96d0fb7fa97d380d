#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "core/ports.hpp"

namespace embedtool {

/// How far the pairs of a head's rotated elements turn.
struct RopeAngles {
  double base = 10000.0;
  std::vector<double> steps;  ///< angle per position and pair; empty: base^(-2i/d)
  double magnitude = 1.0;     ///< cosines and sines are multiplied by this
  std::size_t limit = 0;      ///< positions up to which this holds; 0 = all
};

/// Where a configuration says how positions rotate.
struct RopeSource {
  std::string_view theta = "rope_theta";  ///< key of the base in older files
  double usual_base = 10000.0;
  /// The kind of layer that the angles are of ("full_attention", …), where kinds differ; "" = all.
  std::string_view layers{};
  bool scales = true;       ///< whether older files' `rope_scaling` applies to these layers
  std::size_t dims = 0;     ///< rotated elements of a head
  std::size_t trained = 0;  ///< `max_position_embeddings`
};

/// Reads rotary positions from either place: `rope_theta` and `rope_scaling` of transformers up to
/// 4, or `rope_parameters` of 5, which has an object for each kind of layer where kinds differ.
/// Types: default, linear, dynamic (up to the trained length, where it equals default), yarn and
/// llama3, as in transformers' modeling_rope_utils.py. Throws Error(ExitCode::model) naming another
/// type.
RopeAngles read_rope(const ConfigSource& config, const RopeSource& source);

}  // namespace embedtool
