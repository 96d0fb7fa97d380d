#include "formats/corpus_fields.hpp"

#include <algorithm>
#include <charconv>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

/// Splits a dotted path, or a JSON pointer (RFC 6901) where it starts with a slash.
std::vector<std::string> split_path(const std::string& path) {
  const bool pointer = path.starts_with('/');
  std::vector<std::string> segments(1);
  for (std::size_t i = pointer ? 1 : 0; i < path.size(); ++i) {
    const char c = path[i];
    const char next = i + 1 < path.size() ? path[i + 1] : '\0';
    if (c == (pointer ? '/' : '.')) {
      segments.emplace_back();
    } else if (pointer && c == '~') {
      if (next != '0' && next != '1') {
        throw Error(ExitCode::usage,
                    "field '{}': in a JSON pointer, ~ is written ~0 and / is "
                    "written ~1",
                    path);
      }
      segments.back() += next == '0' ? '~' : '/';
      ++i;
    } else {
      segments.back() += c;
    }
  }
  return segments;
}

std::size_t array_index(const std::string& segment) {
  std::size_t index = 0;
  const char* end = segment.data() + segment.size();
  const auto [stop, error] = std::from_chars(segment.data(), end, index);
  const bool leading_zero = segment.size() > 1 && segment[0] == '0';
  return error == std::errc() && stop == end && !leading_zero ? index : FieldPlan::kNoIndex;
}

}  // namespace

std::string_view describe(ValueKind kind) {
  switch (kind) {
    case ValueKind::absent:
      return "nothing";
    case ValueKind::null:
      return "null";
    case ValueKind::boolean:
      return "a boolean";
    case ValueKind::number:
      return "a number";
    case ValueKind::string:
      return "a string";
    case ValueKind::array:
      return "an array";
    case ValueKind::object:
      return "an object";
  }
  return "?";
}

FieldPlan::FieldPlan(const CorpusOptions& options) : nodes_(1) {
  default_text = options.text_fields.empty();
  if (default_text) {
    text.push_back(want("text"));
    beir_title = want("title");
    beir_id = want("_id");
  }
  for (const std::string& field : options.text_fields) text.push_back(want(field));
  id_required = !options.id_field.empty();
  if (id_required) {
    id.push_back(want(options.id_field));
  } else {
    id = {want("id"), want("_id")};
  }
  for (const std::string& field : options.keep) keep.push_back(want(field));
  if (!options.ids_field.empty()) ids = want(options.ids_field);
  if (!options.vector_field.empty()) vector = want(options.vector_field);
}

FieldPlan::Slot FieldPlan::want(const std::string& path) {
  if (path.empty()) throw Error(ExitCode::usage, "a field needs a name; one given is empty");
  std::uint32_t at = 0;
  for (const std::string& segment : split_path(path)) at = descend(at, segment);
  Node& node = nodes_[at];
  if (node.slot == kNone) {
    node.slot = static_cast<Slot>(names_.size());
    names_.push_back(path);
  }
  return node.slot;
}

std::uint32_t FieldPlan::descend(std::uint32_t from, const std::string& segment) {
  for (const std::uint32_t index : nodes_[from].children) {
    if (nodes_[index].key == segment) return index;
  }
  const auto made = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back({segment, array_index(segment), kNone, {}});
  nodes_[from].children.push_back(made);
  return made;
}

const FieldPlan::Node* FieldPlan::child(const Node& node, std::string_view key) const {
  for (const std::uint32_t index : node.children) {
    if (nodes_[index].key == key) return &nodes_[index];
  }
  return nullptr;
}

const FieldPlan::Node* FieldPlan::child(const Node& node, std::size_t index) const {
  for (const std::uint32_t child : node.children) {
    if (nodes_[child].index == index) return &nodes_[child];
  }
  return nullptr;
}

}  // namespace embedtool
