#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/data.hpp"
#include "formats/corpus/corpus_options.hpp"

namespace embedtool {

enum class ValueKind : std::uint8_t {
  absent,
  null,
  boolean,
  number,
  not_finite,  ///< NaN or Infinity, which are not JSON but which Python's json writes
  string,
  array,
  object,
};

/// "a number", "an object", …: for messages.
std::string_view describe(ValueKind kind);

/// 'a', 'b', 'c': for messages. Long lists and long names (UTF-8) are cut.
std::string list_names(std::span<const std::string_view> names);
/// How many names list_names() shows; callers need to collect only one more than that.
inline constexpr std::size_t kNamesListed = 12;

/// The value of one wanted field of a record. Views into the reader's buffers, valid until its next
/// record.
struct FieldValue {
  ValueKind kind = ValueKind::absent;
  std::string_view raw;   ///< JSON text as written; for a CSV cell, its content
  std::string_view text;  ///< string: unescaped
  // array: its string elements are parts[first_part, first_part + n_parts) of RecordFields
  std::size_t first_part = 0;
  std::size_t n_parts = 0;
  ValueKind odd_element = ValueKind::absent;  ///< array: kind of the first element not a string
  /// An array of numbers that were not written as text; `raw` is empty then.
  std::optional<std::span<const double>> numbers = std::nullopt;
};

/// One record as a reader hands it over.
struct RecordFields {
  std::vector<FieldValue> values;       ///< by slot of the FieldPlan
  std::vector<std::string_view> parts;  ///< string elements of arrays
  std::vector<std::string_view> names;  ///< the record's own fields, for messages

  void clear() {
    for (FieldValue& value : values) value = FieldValue{};
    parts.clear();
    names.clear();
  }
};

/// Which fields are wanted, each in one *slot*, and how to find them while a JSON value is walked:
/// a trie over path segments. Immutable, hence shareable.
class FieldPlan {
 public:
  using Slot = std::uint32_t;
  static constexpr Slot kNone = 0xffffffff;

  struct Node {
    std::string key;                      ///< object key that leads here
    std::size_t index = kNoIndex;         ///< array index that leads here, if the key is one
    Slot slot = kNone;                    ///< wanted itself
    std::vector<std::uint32_t> children;  ///< indices of nodes
  };
  static constexpr std::size_t kNoIndex = static_cast<std::size_t>(-1);

  /// Throws Error(usage) for an invalid path.
  explicit FieldPlan(const CorpusOptions& options);

  const Node& root() const { return nodes_.front(); }
  const Node* child(const Node& node, std::string_view key) const;
  const Node* child(const Node& node, std::size_t index) const;
  const Node& node(std::uint32_t index) const { return nodes_[index]; }

  /// The fields by slot, as the user wrote them.
  const std::vector<std::string>& names() const { return names_; }

  /// A dotted path may also be met as a name that itself holds dots, such as `_source.body`; such a
  /// name goes before the path. Call once all values of a JSON record are there.
  void prefer_dotted_names(RecordFields& fields) const;

  std::vector<Slot> text;  ///< in joining order
  bool default_text = false;
  Slot beir_title = kNone;  ///< put before the text if beir_id is present
  Slot beir_id = kNone;
  std::vector<Slot> id;  ///< the first that is present counts
  bool id_required = false;
  std::vector<Slot> keep;
  std::vector<FieldType> keep_types;
  Slot ids = kNone;
  Slot vector = kNone;

 private:
  /// Other readings of a dotted path, the first that is there counts.
  struct Readings {
    Slot slot = kNone;
    std::vector<Slot> others;
  };

  Slot want(const std::string& path);
  Slot want(const std::vector<std::string>& segments, const std::string& path);
  void want_dotted_names(Slot slot, const std::vector<std::string>& segments,
                         const std::string& path);
  std::uint32_t descend(std::uint32_t from, const std::string& segment);

  std::vector<Node> nodes_;
  std::vector<std::string> names_;
  std::vector<Readings> readings_;
};

}  // namespace embedtool
