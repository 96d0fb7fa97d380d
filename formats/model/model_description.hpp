#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "formats/model/loaded_model.hpp"

namespace embedtool {

/// A fact about a model: a text, a number, yes or no, a list, or named texts.
using DescriptionValue = std::variant<std::string, std::uint64_t, bool, std::vector<std::string>,
                                      std::vector<std::pair<std::string, std::string>>>;

/// One line of `info MODEL`.
struct DescriptionLine {
  std::string key;  ///< snake_case, stable: the member's name in JSON
  DescriptionValue value;
  std::string why;  ///< where the value comes from, or its unit; may be empty
};

/// What was understood about a model, in the order for display.
struct ModelDescription {
  std::vector<DescriptionLine> lines;
};

ModelDescription describe(const LoadedModel& model);

/// The value as one line of text: lists joined by ", ", named texts as `name: "text"`.
std::string to_text(const DescriptionValue& value);

}  // namespace embedtool
