#include "formats/corpus/jsonl_walker.hpp"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <bit>

#include "core/base/error.hpp"
#include "formats/corpus/corpus_numbers.hpp"
#include "formats/io/bytes_utf8.hpp"
#include "formats/io/bytes_window.hpp"

namespace embedtool {
namespace {

namespace od = simdjson::ondemand;
using simdjson::error_code;

static_assert(ByteWindow::kPadding >= simdjson::SIMDJSON_PADDING);

/// simdjson's indices take about six times the bytes of the largest record that it has seen.
constexpr std::size_t kSmallRecord = std::size_t{64} << 10;
constexpr std::size_t kGiantRecord = std::size_t{4} << 20;

std::string_view trim_right(std::string_view token) {
  while (!token.empty() && is_json_space(token.back())) token.remove_suffix(1);
  return token;
}

/// One walk over one document. simdjson's on-demand interface checks only what it is asked for, so
/// the walk asks for everything: every key and string is unescaped, every number and literal
/// checked.
class Walk {
 public:
  Walk(const FieldPlan& plan, od::document& document, RecordFields& fields, std::size_t max_depth)
      : plan_(plan), document_(document), fields_(fields), max_depth_(max_depth) {}

  error_code object(od::object& object, const FieldPlan::Node* node, std::size_t depth);
  bool too_deep() const { return too_deep_; }

 private:
  error_code value(od::value& value, const FieldPlan::Node* node, std::size_t depth);
  error_code array(od::array& array, const FieldPlan::Node* node, FieldValue* out,
                   std::size_t depth);
  error_code container(od::value& value, const FieldPlan::Node* node, FieldValue* out,
                       std::size_t depth, bool is_array);
  static error_code type_of(od::value& value, od::json_type& type);
  static error_code scalar(od::json_type type, std::string_view token, ValueKind& kind);
  void forget(const FieldPlan::Node& node);
  void note_element(FieldValue& array, od::value& element);

  const FieldPlan& plan_;
  od::document& document_;
  RecordFields& fields_;
  std::size_t max_depth_;
  bool too_deep_ = false;
};

/// A key that stands again takes the place of everything that its first value gave.
void Walk::forget(const FieldPlan::Node& node) {
  if (node.slot != FieldPlan::kNone) fields_.values[node.slot] = FieldValue{};
  for (const std::uint32_t child : node.children) forget(plan_.node(child));
}

error_code Walk::object(od::object& object, const FieldPlan::Node* node, std::size_t depth) {
  for (auto item : object) {
    od::field field;
    if (const auto error = std::move(item).get(field)) return error;
    std::string_view key;
    if (const auto error = field.unescaped_key().get(key)) return error;
    if (depth == 1) fields_.names.push_back(key);  // for messages only
    const FieldPlan::Node* child = node != nullptr ? plan_.child(*node, key) : nullptr;
    if (child != nullptr) forget(*child);
    if (const auto error = value(field.value(), child, depth)) return error;
  }
  return simdjson::SUCCESS;
}

/// Is it a number that JSON has no word for, in the words of Python and JavaScript?
bool is_not_finite(std::string_view token) {
  if (token.starts_with('-')) token.remove_prefix(1);
  return token == "NaN" || token == "Infinity";
}

/// The type by a value's first character. NaN and its like, which have none, pass for null:
/// scalar() tells them apart.
error_code Walk::type_of(od::value& value, od::json_type& type) {
  const error_code error = value.type().get(type);
  if (error == simdjson::SUCCESS) return error;
  if (!is_not_finite(trim_right(value.raw_json_token()))) return error;
  type = od::json_type::null;
  return simdjson::SUCCESS;
}

/// Checks a number or literal, which simdjson has only looked at by its first character.
error_code Walk::scalar(od::json_type type, std::string_view token, ValueKind& kind) {
  switch (type) {
    case od::json_type::number:
      kind = ValueKind::number;
      if (is_json_number(token)) return simdjson::SUCCESS;
      kind = ValueKind::not_finite;  // "-Infinity"
      return is_not_finite(token) ? simdjson::SUCCESS : simdjson::NUMBER_ERROR;
    case od::json_type::boolean:
      kind = ValueKind::boolean;
      if (token == "true") return simdjson::SUCCESS;
      return token == "false" ? simdjson::SUCCESS : simdjson::error_code(simdjson::F_ATOM_ERROR);
    default:
      kind = token == "null" ? ValueKind::null : ValueKind::not_finite;
      return kind == ValueKind::null || is_not_finite(token) ? simdjson::SUCCESS
                                                             : simdjson::N_ATOM_ERROR;
  }
}

/// Walks one value inside a container of depth `depth`; `node` is where the plan stands there, null
/// where nothing below is wanted.
error_code Walk::value(od::value& value, const FieldPlan::Node* node, std::size_t depth) {
  FieldValue* out =
      node != nullptr && node->slot != FieldPlan::kNone ? &fields_.values[node->slot] : nullptr;
  od::json_type type;
  if (const auto error = type_of(value, type)) return error;
  if (type == od::json_type::object || type == od::json_type::array) {
    return container(value, node, out, depth + 1, type == od::json_type::array);
  }
  FieldValue found;
  found.raw = trim_right(value.raw_json_token());
  if (type == od::json_type::string) {
    found.kind = ValueKind::string;
    if (const auto error = value.get_string().get(found.text)) return error;
  } else if (const auto error = scalar(type, found.raw, found.kind)) {
    return error;
  }
  if (out != nullptr) *out = found;
  return simdjson::SUCCESS;
}

/// Walks an object or array, and notes its extent where it is wanted.
error_code Walk::container(od::value& value, const FieldPlan::Node* node, FieldValue* out,
                           std::size_t depth, bool is_array) {
  if (depth > max_depth_) {
    too_deep_ = true;
    return simdjson::DEPTH_ERROR;
  }
  const char* start = value.raw_json_token().data();
  if (out != nullptr) {
    out->kind = is_array ? ValueKind::array : ValueKind::object;
    out->first_part = fields_.parts.size();
  }
  if (is_array) {
    od::array elements;
    if (const auto error = value.get_array().get(elements)) return error;
    if (const auto error = array(elements, node, out, depth)) return error;
  } else {
    od::object members;
    if (const auto error = value.get_object().get(members)) return error;
    if (const auto error = object(members, node, depth)) return error;
  }
  if (out == nullptr) return simdjson::SUCCESS;
  // What comes next closes the parent or is a comma, so the container ends before it.
  const char* next = nullptr;
  if (const auto error = document_.current_location().get(next)) return error;
  out->raw = trim_right({start, static_cast<std::size_t>(next - start)});
  return simdjson::SUCCESS;
}

/// Walks an array's elements; where the array itself is wanted (`out`), its strings become parts.
error_code Walk::array(od::array& array, const FieldPlan::Node* node, FieldValue* out,
                       std::size_t depth) {
  std::size_t index = 0;
  for (auto item : array) {
    od::value element;
    if (const auto error = item.get(element)) return error;
    const FieldPlan::Node* child = node != nullptr ? plan_.child(*node, index) : nullptr;
    ++index;
    od::json_type type;
    if (const auto error = type_of(element, type)) return error;
    if (out == nullptr || type != od::json_type::string) {
      if (out != nullptr && out->odd_element == ValueKind::absent) note_element(*out, element);
      if (const auto error = value(element, child, depth)) return error;
      continue;
    }
    FieldValue found;
    found.kind = ValueKind::string;
    found.raw = trim_right(element.raw_json_token());
    if (const auto error = element.get_string().get(found.text)) return error;
    fields_.parts.push_back(found.text);
    ++out->n_parts;
    if (child != nullptr && child->slot != FieldPlan::kNone) fields_.values[child->slot] = found;
  }
  return simdjson::SUCCESS;
}

/// Notes that an array holds more than strings; `element` is checked elsewhere.
void Walk::note_element(FieldValue& array, od::value& element) {
  switch (element.raw_json_token().front()) {
    case '{':
      array.odd_element = ValueKind::object;
      break;
    case '[':
      array.odd_element = ValueKind::array;
      break;
    case 't':
    case 'f':
      array.odd_element = ValueKind::boolean;
      break;
    case 'n':
      array.odd_element = ValueKind::null;
      break;
    default:
      array.odd_element = ValueKind::number;
  }
}

}  // namespace

struct JsonWalker::Parser {
  od::parser parser;
};

JsonWalker::JsonWalker(const FieldPlan& plan, std::size_t max_depth)
    : plan_(plan), max_depth_(max_depth) {}

JsonWalker::~JsonWalker() = default;

namespace {

/// A sentence for the user; `where` is how far the parser came, if known.
std::string explain(error_code error, std::string_view json, const char* where, bool too_deep,
                    std::size_t max_depth) {
  if (error == simdjson::UTF8_ERROR) {
    return fmt::format("invalid UTF-8 at byte {} of the line", valid_utf8_prefix(json));
  }
  if (too_deep) return fmt::format("JSON nested deeper than {}", max_depth);
  std::string reason = "not valid JSON: ";
  switch (error) {
    case simdjson::STRING_ERROR:
      reason += "a string with a bad escape or half a surrogate pair";
      break;
    case simdjson::UNESCAPED_CHARS:
      reason += "a control character inside a string";
      break;
    case simdjson::UNCLOSED_STRING:
      reason += "an unterminated string";
      break;
    case simdjson::NUMBER_ERROR:
      reason += "a malformed number";
      break;
    case simdjson::T_ATOM_ERROR:
    case simdjson::F_ATOM_ERROR:
    case simdjson::N_ATOM_ERROR:
      reason += "a malformed literal";
      break;
    case simdjson::INCOMPLETE_ARRAY_OR_OBJECT:
      reason += "an unterminated object or array";
      break;
    case simdjson::TRAILING_CONTENT:
      reason += "extra content after the object";
      break;
    default:
      reason += "a missing or extra comma, colon, quote or bracket";
  }
  if (where != nullptr && where >= json.data() && where <= json.data() + json.size()) {
    reason += fmt::format(" (near byte {} of the line)", where - json.data());
  }
  return reason;
}

}  // namespace

bool JsonWalker::walk(std::string_view json, RecordFields& fields) {
  fields.clear();
  // A parser that one giant record has grown would keep six times its size: begin afresh.
  if (!parser_ || parser_->parser.capacity() > kGiantRecord) parser_ = std::make_unique<Parser>();
  od::parser& parser = parser_->parser;
  if (parser.capacity() < json.size() || parser.capacity() == 0) {
    // Powers of two: a corpus whose records grow slowly allocates a few times, not at every one.
    const std::size_t capacity = std::bit_ceil(std::max(json.size(), kSmallRecord));
    // Depth is counted by the walk; simdjson wants room for its own count.
    if (parser.allocate(capacity, max_depth_ + 8) != simdjson::SUCCESS) throw std::bad_alloc();
  }
  if (!json.starts_with('{')) {
    error_ = is_utf8(json)
                 ? "a record must be one JSON object on one line; this line does not start with {"
                 : explain(simdjson::UTF8_ERROR, json, nullptr, false, max_depth_);
    return false;
  }
  od::document document;
  od::object object;
  const simdjson::padded_string_view padded(json.data(), json.size(),
                                            json.size() + simdjson::SIMDJSON_PADDING);
  error_code error = parser.iterate(padded).get(document);
  if (error != simdjson::SUCCESS) {
    error_ = explain(error, json, nullptr, false, max_depth_);
    return false;
  }
  Walk walk(plan_, document, fields, max_depth_);
  error = document.get_object().get(object);
  if (error == simdjson::SUCCESS) error = walk.object(object, &plan_.root(), 1);
  // A location past the root object means that something follows it.
  const char* where = nullptr;
  const bool more = document.current_location().get(where) == simdjson::SUCCESS;
  if (error == simdjson::SUCCESS && more) error = simdjson::TRAILING_CONTENT;
  if (error == simdjson::SUCCESS) {
    plan_.prefer_dotted_names(fields);
    return true;
  }
  error_ = explain(error, json, more ? where : nullptr, walk.too_deep(), max_depth_);
  return false;
}

}  // namespace embedtool
