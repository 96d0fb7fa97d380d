#include "formats/corpus/corpus_fields.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/field_value.hpp"

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

/// The array index that a segment stands for, as RFC 6901 writes it: no sign, no leading zero.
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
    case ValueKind::not_finite:
      return "NaN or Infinity";
    case ValueKind::string:
      return "a string";
    case ValueKind::array:
      return "an array";
    case ValueKind::object:
      return "an object";
  }
  return "?";
}

std::string list_names(std::span<const std::string_view> names) {
  constexpr std::size_t kLongest = 64;
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kNamesListed); ++i) {
    // Cut at a character's boundary: before a byte that continues none.
    std::size_t size = std::min(names[i].size(), kLongest);
    while (size < names[i].size() && (names[i][size] & 0xc0) == 0x80) --size;
    list += i == 0 ? "'" : ", '";
    list += names[i].substr(0, size);
    list += '\'';
  }
  if (names.empty()) return "none";
  return names.size() > kNamesListed ? list + ", …" : list;
}

FieldPlan::FieldPlan(const CorpusOptions& options) : nodes_(1) {
  default_text = options.text_fields.empty();
  // Which of the defaults a record has is known only when it is there: want them all.
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
  for (const std::string& word : options.keep) {
    const KeptField field = kept_field(word);
    keep.push_back(want(field.name));
    keep_types.push_back(field.type);
  }
  if (!options.ids_field.empty()) ids = want(options.ids_field);
  if (!options.vector_field.empty()) vector = want(options.vector_field);
}

FieldPlan::Slot FieldPlan::want(const std::string& path) {
  if (path.empty()) throw Error(ExitCode::usage, "a field name is empty");
  const std::vector<std::string> segments = split_path(path);
  const Slot slot = want(segments, path);
  if (!path.starts_with('/') && segments.size() > 1) want_dotted_names(slot, segments, path);
  return slot;
}

/// Wants every way to read the path in which some of its dots belong to names; the one with the
/// fewest steps goes first.
void FieldPlan::want_dotted_names(Slot slot, const std::vector<std::string>& segments,
                                  const std::string& path) {
  constexpr std::size_t kMostDots = 5;  // of a longer path only the one whole name
  const std::size_t dots = segments.size() - 1;
  const std::uint32_t all = dots > kMostDots ? 1 : std::uint32_t{1} << dots;
  std::vector<std::vector<std::string>> ways;
  for (std::uint32_t steps = 0; steps < all; ++steps) {  // bit i: a step after segment i
    std::vector<std::string> way{segments[0]};
    for (std::size_t i = 0; i < dots; ++i) {
      if ((steps >> i & 1U) != 0) {
        way.push_back(segments[i + 1]);
      } else {
        way.back() += "." + segments[i + 1];
      }
    }
    if (way.size() < segments.size()) ways.push_back(std::move(way));
  }
  std::stable_sort(ways.begin(), ways.end(),
                   [](const auto& a, const auto& b) { return a.size() < b.size(); });
  Readings readings{slot, {}};
  for (const auto& way : ways) readings.others.push_back(want(way, path));
  readings_.push_back(std::move(readings));
}

void FieldPlan::prefer_dotted_names(RecordFields& fields) const {
  for (const Readings& readings : readings_) {
    for (const Slot other : readings.others) {
      if (fields.values[other].kind == ValueKind::absent) continue;
      fields.values[readings.slot] = fields.values[other];
      break;
    }
  }
}

FieldPlan::Slot FieldPlan::want(const std::vector<std::string>& segments, const std::string& path) {
  // Descends from the root, making the nodes that are not there yet. A field that two options name
  // has one slot.
  std::uint32_t at = 0;
  for (const std::string& segment : segments) at = descend(at, segment);
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

// A handful of fields at most: comparing them in turn beats any map.
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
