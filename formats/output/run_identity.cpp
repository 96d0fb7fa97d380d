#include "formats/output/run_identity.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <system_error>

#include "formats/io/damaged.hpp"
#include "formats/io/field_value.hpp"

namespace embedtool {
namespace {

using Json = nlohmann::ordered_json;

// Values as text, and back. read() throws Damaged for text that to_text() never gives.

[[noreturn]] void refuse(std::string_view text) {
  throw Damaged(fmt::format("'{}' is not a value that its setting can have", text));
}

std::string to_text(const std::string& value) {
  return value;
}
void read(std::string_view text, std::string& value) {
  value = text;
}

std::string to_text(bool value) {
  return value ? "true" : "false";
}
void read(std::string_view text, bool& value) {
  if (text != "true" && text != "false") refuse(text);
  value = text == "true";
}

template <typename T>
requires std::same_as<T, std::uint64_t> || std::same_as<T, float> std::string to_text(T value) {
  return fmt::format("{}", value);
}
template <typename T>
requires std::same_as<T, std::uint64_t> || std::same_as<T, float>
void read(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) refuse(text);
}

template <HasWords E>
std::string to_text(E value) {
  return std::string(name_of(value));
}
template <HasWords E>
void read(std::string_view text, E& value) {
  const auto found = find_named<E>(text);
  if (!found) refuse(text);
  value = *found;
}

template <typename T>
std::string to_text(const std::optional<T>& value) {
  return value ? to_text(*value) : "";
}
template <typename T>
void read(std::string_view text, std::optional<T>& value) {
  value.reset();
  if (!text.empty()) read(text, value.emplace());
}

/// The parts between commas; no text has none.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  if (text.empty()) return parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string to_text(const std::vector<Pooling>& value) {
  std::vector<std::string_view> words;
  for (const Pooling mode : value) words.push_back(name_of(mode));
  return fmt::format("{}", fmt::join(words, ","));
}
void read(std::string_view text, std::vector<Pooling>& value) {
  value.clear();
  for (const std::string_view word : split(text)) read(word, value.emplace_back());
}

// Names are usually plain; a list in which one is not is written as JSON.
std::string to_text(const std::vector<std::string>& value) {
  const bool plain = std::all_of(value.begin(), value.end(), [](const std::string& name) {
    return !name.empty() && name.front() != '[' && name.find(',') == std::string::npos;
  });
  if (!plain) return Json(value).dump(-1, ' ', false, Json::error_handler_t::replace);
  return fmt::format("{}", fmt::join(value, ","));
}
void read(std::string_view text, std::vector<std::string>& value) {
  value.clear();
  if (text.starts_with('[')) {
    value = Json::parse(text).get<std::vector<std::string>>();
    return;
  }
  for (const std::string_view name : split(text)) value.emplace_back(name);
}

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}
template <typename T>
void read_or_null(const Json& json, std::optional<T>& value) {
  value.reset();
  if (!json.is_null()) value = json.get<T>();
}

std::string to_text(const std::vector<InputEntry>& value) {
  Json json = Json::array();
  for (const InputEntry& input : value) {
    Json entry = {input.name, or_null(input.bytes), or_null(input.modified_ns), input.hash};
    if (input.files > 0) entry.insert(entry.end(), {Json(input.files), Json(input.listing)});
    json.push_back(std::move(entry));
  }
  // Names may be any bytes that a file system allows; JSON may not.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
void read(std::string_view text, std::vector<InputEntry>& value) {
  value.clear();
  for (const Json& json : Json::parse(text)) {
    InputEntry& input = value.emplace_back();
    input.name = json.at(0).get<std::string>();
    read_or_null(json.at(1), input.bytes);
    read_or_null(json.at(2), input.modified_ns);
    input.hash = json.at(3).get<std::string>();
    if (json.size() == 4) continue;
    input.files = json.at(4).get<std::uint64_t>();
    input.listing = json.at(5).get<std::string>();
  }
}

std::string to_text(const std::vector<StampedFile>& value) {
  Json json = Json::array();
  for (const StampedFile& file : value) {
    Json entry = Json::array({file.name});
    if (file.stamp) {
      entry.insert(entry.end(),
                   {file.stamp->bytes, file.stamp->modified_ns, file.stamp->changed_ns});
    }
    json.push_back(std::move(entry));
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}
void read(std::string_view text, std::vector<StampedFile>& value) {
  value.clear();
  for (const Json& json : Json::parse(text)) {
    StampedFile& file = value.emplace_back();
    file.name = json.at(0).get<std::string>();
    if (json.size() == 1) continue;
    file.stamp = FileStamp{json.at(1).get<std::uint64_t>(), json.at(2).get<std::int64_t>(),
                           json.at(3).get<std::int64_t>()};
  }
}

/// As JSON keeps it: bytes that are not UTF-8 are replaced, in what is compared as well.
std::string as_kept(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <typename T>
bool is_same(const T& a, const T& b) {
  return a == b;
}
bool is_same(const std::string& a, const std::string& b) {
  return as_kept(a) == as_kept(b);
}
bool is_same(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return as_kept(to_text(a)) == as_kept(to_text(b));
}
/// How an input's size is told.
std::string size_of(const InputEntry& input) {
  const std::string size = input.is_file() ? fmt::format("{} bytes", *input.bytes) : "a pipe";
  return input.files > 0 ? fmt::format("{} files, {}", input.files, size) : size;
}
// A pipe's size is known afterwards only, and a file's time may change: the contents decide.
bool is_same(const std::vector<InputEntry>& a, const std::vector<InputEntry>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const InputEntry& x, const InputEntry& y) {
                      return is_same(x.name, y.name) && size_of(x) == size_of(y);
                    });
}

struct Traits {
  IdentityClass kind = IdentityClass::space;
  Recorded recorded = Recorded::setting;
  const char* remedy = "";
  bool cuts_bytes = false;
  bool known_late = false;
};

template <auto Member>
constexpr IdentityField field(std::string_view name, Traits traits) {
  return {name,
          traits.kind,
          traits.recorded,
          traits.cuts_bytes,
          traits.known_late,
          traits.remedy,
          [](const RunIdentity& run) { return to_text(run.*Member); },
          [](RunIdentity& run, std::string_view text) { read(text, run.*Member); },
          [](const RunIdentity& a, const RunIdentity& b) { return is_same(a.*Member, b.*Member); }};
}

using I = RunIdentity;
using enum IdentityClass;
using enum Recorded;
constexpr const char* kOtherModel = "--model: a different model, or its files have changed";
constexpr const char* kOtherShards = "this version of embedtool writes shards differently";
constexpr const char* kOtherNumerics = "this version of embedtool computes different vectors";
constexpr const char* kOtherIcu = "this system's ICU has the rules of another version of Unicode";
constexpr auto kFields = std::to_array<IdentityField>({
    field<&I::model_fingerprint>("model_fingerprint", {space, member, kOtherModel}),
    field<&I::head>("head", {space, setting_if_set, "--head"}),
    field<&I::pooling>("pooling", {space, setting_if_set, "--pooling"}),
    field<&I::normalize>("normalize", {space, setting_if_set, "--no-normalize"}),
    field<&I::kept_tokens>("kept_tokens", {space, setting_if_set, "--dims"}),
    field<&I::prompt>("prompt", {space, setting, "--prompt, --prompt-name"}),
    field<&I::role>("role", {space, setting_if_set, "--prompt-name"}),
    field<&I::max_length>("max_length", {space, setting, "--max-length"}),
    field<&I::on_long>("on_long", {space, setting, "--on-long"}),
    field<&I::chunk_tokens>("chunk_tokens", {space, setting_if_set, "--chunk-tokens"}),
    field<&I::chunk_overlap>("chunk_overlap", {space, setting_if_set, "--chunk-overlap"}),
    field<&I::chunk_by>("chunk_by", {space, setting_if_set, "--chunk-by"}),
    field<&I::chunk_prefix>("chunk_prefix", {space, setting_if_set, "--chunk-prefix"}),
    field<&I::chunk_pooling>("chunk_pooling", {space, setting_if_set, "--chunk-pooling"}),
    field<&I::chunk_join>("chunk_join", {space, setting_if_set, "--chunk-join"}),
    field<&I::compute>("compute", {space, setting, "--compute"}),
    field<&I::numerics>("numerics", {space, setting, kOtherNumerics}),
    field<&I::kind>("kind", {space, member, "--head, --pooling"}),
    field<&I::dims>("dims", {space, member, "--dims"}),
    field<&I::dtype>("dtype", {space, member, "--dtype"}),
    field<&I::int8_scale>("int8_scale", {space, member, "--dtype", false, true}),
    field<&I::gemm>("gemm", {kernels, setting, "--gemm"}),
    field<&I::isa>("isa", {kernels, setting, "--isa"}),
    field<&I::reused_kernels>("reused_kernels", {kernels, setting_if_set, "--reuse-kernels"}),
    field<&I::inputs>("inputs", {rows, member, ""}),
    field<&I::format>("format", {rows, setting, "--format"}),
    field<&I::text_fields>("text_field", {rows, setting, "--text-field"}),
    field<&I::join>("join", {rows, setting, "--join"}),
    field<&I::id_field>("id_field", {rows, setting, "--id-field"}),
    field<&I::vector_field>("vector_field", {rows, setting, "--vector-field"}),
    field<&I::id_from>("id_from", {rows, setting_if_set, "--id-from"}),
    field<&I::quotes>("quotes", {rows, setting, "--no-quotes"}),
    field<&I::delimiter>("delimiter", {rows, setting_if_set, "--delimiter"}),
    field<&I::header>("header", {rows, setting_if_set, "--no-header"}),
    field<&I::globs>("glob", {rows, setting_if_set, "--glob"}),
    field<&I::duplicate_ids>("duplicate_ids", {rows, setting, "--duplicate-ids"}),
    field<&I::max_line>("max_line", {rows, setting, "--max-line"}),
    field<&I::line_limit>("line_limit", {rows, setting_if_set, "--memory-limit", false, true}),
    field<&I::limit>("limit", {rows, setting_if_set, "--limit"}),
    field<&I::sample>("sample", {rows, setting_if_set, "--sample"}),
    field<&I::seed>("seed", {rows, setting_if_set, "--seed"}),
    field<&I::keep>("keep", {rows, member, "--keep"}),
    field<&I::chunk_rules>("chunk_rules", {rows, setting_if_set, kOtherIcu}),
    field<&I::chunk_text>("chunk_text", {rows, setting_if_set, "--chunk-text"}),
    field<&I::to>("to", {rows, member, "--to"}),
    field<&I::program>("program", {place, member}),
    field<&I::model>("model", {place, setting}),
    field<&I::model_path>("model_path", {place, setting}),
    field<&I::shard_format>("shard_format", {place, setting, kOtherShards, true}),
    field<&I::encoding>("encoding", {place, setting_if_set, "--encoding", true}),
    field<&I::vector_type>("vector_type", {place, setting_if_set, "--vector-type", true}),
    field<&I::shard_rows>("shard_rows", {place, setting, "--shard-rows", true}),
    field<&I::row_group>("row_group", {place, setting, "--row-group, --optimize", true}),
    field<&I::link>("link", {place, setting_if_set}),
    field<&I::model_files>("model_files", {place, member}),
});

/// "input a.jsonl was '120 bytes' and is now '140 bytes'"
std::string input_difference(const RunIdentity& before, const RunIdentity& now) {
  for (std::size_t i = 0; i < std::max(before.inputs.size(), now.inputs.size()); ++i) {
    if (i >= before.inputs.size()) return fmt::format("input {} is new", now.inputs[i].name);
    if (i >= now.inputs.size()) return fmt::format("input {} is gone", before.inputs[i].name);
    const InputEntry& a = before.inputs[i];
    const InputEntry& b = now.inputs[i];
    if (!is_same(a.name, b.name)) return fmt::format("input {} was {}", b.name, a.name);
    if (size_of(a) != size_of(b)) {
      return fmt::format("input {} was '{}' and is now '{}'", b.name, size_of(a), size_of(b));
    }
  }
  return {};
}

bool has_default(const IdentityField& field, const RunIdentity& identity) {
  return field.get(identity) == field.get(RunIdentity{});
}

/// Whether a field keeps two runs apart.
bool differs(const IdentityField& field, const RunIdentity& before, const RunIdentity& now,
             Comparison purpose) {
  if (purpose == Comparison::reuse && field.kind != space) return false;
  if (purpose == Comparison::kernels && field.kind != kernels) return false;
  const bool of_job = purpose == Comparison::part || purpose == Comparison::unit;
  if (field.kind == place && (!field.cuts_bytes || purpose == Comparison::up_to_date)) return false;
  if (field.kind == kernels && of_job) return false;
  if (field.name == "inputs" && purpose == Comparison::unit) return false;
  if (field.known_late && (has_default(field, before) || has_default(field, now))) return false;
  return !field.same(before, now);
}

/// A default of nothing is no value that anybody asked for.
std::string shown_value(const IdentityField& field, const RunIdentity& identity) {
  const std::string value = field.get(identity);
  const bool nothing = value.empty() || value == "0";
  return nothing && has_default(field, identity) ? "not set" : fmt::format("'{}'", value);
}

}  // namespace

std::span<const IdentityField> identity_fields() {
  return kFields;
}

const IdentityField* find_identity_field(std::string_view name) {
  for (const IdentityField& field : kFields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

std::string first_difference(const RunIdentity& before, const RunIdentity& now,
                             Comparison purpose) {
  for (const IdentityField& field : kFields) {
    if (!differs(field, before, now, purpose)) continue;
    if (field.name == "inputs") return input_difference(before, now);
    const std::string remedy = *field.remedy == '\0' ? "" : fmt::format(" ({})", field.remedy);
    return fmt::format("{} was {} and is now {}{}", field.name, shown_value(field, before),
                       shown_value(field, now), remedy);
  }
  return {};
}

std::string other_cut(const RunIdentity& before, const RunIdentity& now) {
  std::string text;
  for (const IdentityField& field : kFields) {
    if (!field.cuts_bytes || field.same(before, now)) continue;
    text += fmt::format("{}{} is {} there, not {}", text.empty() ? "" : ", ", field.name,
                        field.get(before), field.get(now));
  }
  return text;
}

Settings identity_settings(const RunIdentity& identity) {
  Settings out;
  for (const IdentityField& field : kFields) {
    if (field.recorded == member) continue;
    if (field.recorded == setting_if_set && has_default(field, identity)) continue;
    out.emplace_back(field.name, field.get(identity));
  }
  return out;
}

Settings identity_settings(const RunIdentity& identity, IdentityClass kind) {
  Settings out;
  for (auto& entry : identity_settings(identity)) {
    if (find_identity_field(entry.first)->kind == kind) out.push_back(std::move(entry));
  }
  return out;
}

Settings identity_record(const RunIdentity& identity) {
  Settings out;
  for (const IdentityField& field : kFields) out.emplace_back(field.name, field.get(identity));
  return out;
}

RunIdentity identity_from(const Settings& record) {
  RunIdentity identity;
  for (const auto& [name, text] : record) {
    const IdentityField* field = find_identity_field(name);
    if (field == nullptr) throw Damaged(fmt::format("unknown setting '{}'", name));
    field->set(identity, text);
  }
  for (const IdentityField& field : kFields) {
    // Older versions do not know them.
    if (field.recorded == setting_if_set) continue;
    const bool there = std::any_of(record.begin(), record.end(),
                                   [&](const auto& entry) { return entry.first == field.name; });
    if (!there) throw Damaged(fmt::format("no setting '{}'", field.name));
  }
  return identity;
}

OutputSpec output_spec(const RunIdentity& identity) {
  OutputSpec spec;
  spec.kind = identity.kind;
  spec.dims = identity.dims;
  spec.type = identity.dtype;
  spec.int8_scale = identity.int8_scale;
  for (const std::string& word : identity.keep) spec.kept_fields.push_back(kept_field(word));
  spec.chunked = identity.on_long == OnLong::chunk && identity.chunk_join == ChunkJoin::none;
  spec.chunk_text = spec.chunked && identity.chunk_text;
  return spec;
}

ParquetOptions parquet_options(const RunIdentity& identity) {
  ParquetOptions options;
  options.encoding = identity.encoding;
  options.vectors = identity.vector_type;
  options.indexed = identity.shard_format >= 2;
  if (identity.row_group > 0) options.row_group_bytes = identity.row_group;
  return options;
}

Settings shard_metadata(const RunIdentity& identity) {
  Settings out{{"embedtool", identity.program},
               {"model", identity.model},
               {"model_fingerprint", identity.model_fingerprint}};
  for (auto& setting : identity_settings(identity, space)) out.push_back(std::move(setting));
  return out;
}

}  // namespace embedtool
