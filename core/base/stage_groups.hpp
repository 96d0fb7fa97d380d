#pragma once

#include <array>
#include <span>
#include <string_view>

#include "core/base/stage.hpp"

namespace embedtool {

/// Stages that people think of as one. Tables, timelines and the page show groups; every stage is
/// in exactly one.
struct StageGroup {
  std::string_view name;   ///< in report.json, and of its colour on the page
  std::string_view title;  ///< for people
  std::array<Stage, 4> list{};
  std::size_t count = 1;

  constexpr std::span<const Stage> stages() const { return std::span(list).first(count); }
};

inline constexpr std::array<StageGroup, 11> kStageGroups = {{
    {"load", "load model", {Stage::load}},
    {"read", "read", {Stage::read}},
    {"tokenize", "tokenize", {Stage::tokenize, Stage::chunk}, 2},
    {"plan", "plan and batch", {Stage::plan, Stage::batch}, 2},
    {"lookup", "lookup", {Stage::lookup}},
    {"gemm", "matrix products", {Stage::gemm}},
    {"attention", "attention", {Stage::attention}},
    {"elementwise", "element-wise", {Stage::elementwise}},
    {"finish",
     "pool, head, norm",
     {Stage::pool, Stage::head, Stage::normalize, Stage::quantize},
     4},
    {"write", "write", {Stage::write, Stage::sync}, 2},
    {"other", "other", {Stage::other, Stage::idle}, 2},
}};

}  // namespace embedtool
