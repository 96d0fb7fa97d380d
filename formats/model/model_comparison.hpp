#pragma once

#include <string>
#include <vector>

#include "formats/model/loaded_model.hpp"

namespace embedtool {

/// One respect in which sentence-transformers and this program may treat a model alike or not.
struct ComparisonPoint {
  std::string point;   ///< "prompt", "precision", …
  std::string theirs;  ///< what sentence-transformers (version 6, transformers 5) does
  std::string ours;
  bool same() const { return theirs == ours; }
};

/// What sentence-transformers would do with the model's folder, and what happens here, in every
/// respect that can change a vector. `model` is as open_model() returns it.
std::vector<ComparisonPoint> compare_with_sentence_transformers(const LoadedModel& model);

}  // namespace embedtool
