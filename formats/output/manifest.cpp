#include "formats/output/manifest.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/base/error.hpp"
#include "formats/io/damaged.hpp"
#include "formats/output/sealed_json.hpp"

namespace embedtool {
namespace {

using Json = SealedJson;

constexpr std::string_view kFormat = "embedtool-output";
constexpr int kFormatVersion = 1;
constexpr int kJournalVersion = 2;
constexpr std::string_view kToolPrefix = "embedtool ";
/// Parser events: 14 for a shard, and then some. Caps the memory that hostile JSON takes.
constexpr std::size_t kMaxEvents = kMaxOutputShards * 16;

Json parse_json(std::string_view text) {
  return parse_sealed(text, kMaxEvents);
}

Json settings_json(const Settings& settings) {
  Json json = Json::object();
  for (const auto& [key, value] : settings) json[key] = value;
  return json;
}

Json file_json(const FileEntry& file) {
  return {{"name", file.name}, {"bytes", file.bytes}, {"xxh128", file.hash.hex()}};
}

Json shard_json(const ShardEntry& shard) {
  return {{"name", shard.name},
          {"rows", shard.rows},
          {"first_row", shard.first_row},
          {"bytes", shard.bytes},
          {"xxh128", shard.hash.hex()}};
}

Json input_json(const InputEntry& input) {
  Json json = {
      {"name", input.name}, {"bytes", nullptr}, {"modified_ns", nullptr}, {"xxh128", nullptr}};
  if (input.bytes) json["bytes"] = *input.bytes;
  if (input.modified_ns) json["modified_ns"] = *input.modified_ns;
  if (!input.hash.empty()) json["xxh128"] = input.hash;
  if (input.files > 0) {
    json["files"] = input.files;
    json["listing"] = input.listing;
  }
  return json;
}

Json model_file_json(const StampedFile& file) {
  Json json = {
      {"name", file.name}, {"bytes", nullptr}, {"modified_ns", nullptr}, {"changed_ns", nullptr}};
  if (!file.stamp) return json;
  json["bytes"] = file.stamp->bytes;
  json["modified_ns"] = file.stamp->modified_ns;
  json["changed_ns"] = file.stamp->changed_ns;
  return json;
}

std::int64_t time(const Json& value) {
  require(value.is_number_integer(), "a time is not an integer");
  return value.get<std::int64_t>();
}

StampedFile model_file_from(const Json& json) {
  StampedFile file{json.at("name").get<std::string>(), {}};
  if (json.at("bytes").is_null()) return file;
  file.stamp =
      FileStamp{number(json, "bytes"), time(json.at("modified_ns")), time(json.at("changed_ns"))};
  return file;
}

ShardEntry shard_from(const Json& json, const char* name_key) {
  ShardEntry shard;
  shard.name = json.at(name_key).get<std::string>();
  shard.rows = number(json, "rows");
  shard.first_row = number(json, "first_row");
  shard.bytes = number(json, "bytes");
  shard.hash = hash_from(json.at("xxh128").get<std::string>());
  return shard;
}

InputEntry input_from(const Json& json) {
  InputEntry input;
  input.name = json.at("name").get<std::string>();
  if (!json.at("bytes").is_null()) input.bytes = number(json, "bytes");
  if (const Json& modified = json.at("modified_ns"); !modified.is_null()) {
    input.modified_ns = time(modified);
  }
  if (!json.at("xxh128").is_null()) input.hash = json.at("xxh128").get<std::string>();
  if (json.contains("files")) {
    input.files = number(json, "files");
    input.listing = json.at("listing").get<std::string>();
  }
  return input;
}

RowKind kind_from(const Json& json) {
  const bool multi = json.at("multi_vector").get<bool>();
  const bool sparse = json.value("sparse", false);
  require(!(multi && sparse), "both sparse and multi-vector");
  return sparse ? RowKind::sparse : multi ? RowKind::multi : RowKind::dense;
}

template <HasWords E>
E word_from(const Json& json, const char* key, const char* problem) {
  const auto value = find_named<E>(json.at(key).get<std::string>());
  require(value.has_value(), problem);
  return *value;
}

/// The fields that have a member of their own.
void read_members(const Json& json, RunIdentity& identity) {
  const auto tool = json.at("tool").get<std::string>();
  const bool prefixed = tool.starts_with(kToolPrefix);
  identity.program = prefixed ? tool.substr(kToolPrefix.size()) : tool;
  identity.model_fingerprint = json.at("model").get<std::string>();
  for (const Json& input : json.at("inputs")) identity.inputs.push_back(input_from(input));
  identity.to = word_from<OutputFormat>(json, "data", "unknown kind of data");
  identity.dims = number(json, "dims");
  identity.dtype = word_from<OutputType>(json, "dtype", "unknown dtype");
  identity.kind = kind_from(json);
  identity.int8_scale = json.at("int8_scale").get<float>();
  identity.keep = json.at("kept_fields").get<std::vector<std::string>>();
  if (!json.contains("model_files")) return;
  for (const Json& file : json.at("model_files")) {
    identity.model_files.push_back(model_file_from(file));
  }
}

void read_settings(const Json& json, Manifest& manifest) {
  require(json.is_object(), "the settings are not an object");
  manifest.identity.numerics = 1;  // of outputs that are older than these numbers
  if (manifest.identity.to == OutputFormat::parquet && !json.contains("shard_format")) {
    manifest.identity.shard_format = 1;
    manifest.identity.encoding = VectorEncoding::split;
    manifest.identity.vector_type = VectorType::list;
  }
  for (const auto& [name, value] : json.items()) {
    const IdentityField* field = find_identity_field(name);
    if (field != nullptr && field->recorded != Recorded::member) {
      field->set(manifest.identity, value.get<std::string>());
    } else {
      manifest.foreign_settings.emplace_back(name, value.get<std::string>());
    }
  }
}

Manifest manifest_from(const Json& json) {
  require(json.at("format").get<std::string>() == kFormat, "not written by embedtool");
  require(number(json, "format_version") == kFormatVersion,
          "written by another version of embedtool, in a format unknown to this one");
  Manifest manifest;
  read_members(json, manifest.identity);
  read_settings(json.at("settings"), manifest);
  manifest.rows = number(json, "rows");
  for (const Json& shard : json.at("shards")) manifest.shards.push_back(shard_from(shard, "name"));
  for (const Json& file : json.at("files")) {
    manifest.files.push_back({file.at("name").get<std::string>(), number(file, "bytes"),
                              hash_from(file.at("xxh128").get<std::string>())});
  }
  return manifest;
}

/// "part-00042.parquet"
std::string file_of_shard(std::size_t index) {
  return fmt::format("part-{:05}.parquet", index);
}

/// Shards of older outputs are beside the manifest.
bool names_shard(std::string_view name, std::size_t index) {
  return name == shard_name(index) || name == file_of_shard(index);
}

/// Names decide what is opened: nothing but ours, in order, without gaps. Of a merged output, which
/// has shards of each unit, in ascending order.
void check_consistent(const std::vector<ShardEntry>& shards) {
  std::uint64_t row = 0;
  for (std::size_t i = 0; i < shards.size(); ++i) {
    const bool of_unit =
        is_unit_shard_name(shards[i].name) &&
        (i == 0 || (is_unit_shard_name(shards[i - 1].name) && shards[i - 1].name < shards[i].name));
    require(of_unit || names_shard(shards[i].name, i), "shards are not numbered in order");
    require(shards[i].first_row == row, "the shards' rows are not consecutive");
    require(shards[i].rows <= UINT64_MAX - row, "the shards' rows do not add up");
    row += shards[i].rows;
  }
}

void check_consistent(const Manifest& manifest) {
  check_consistent(manifest.shards);
  if (manifest.identity.to == OutputFormat::parquet) {
    const bool any = !manifest.shards.empty();
    const std::uint64_t rows =
        any ? manifest.shards.back().first_row + manifest.shards.back().rows : 0;
    require(rows == manifest.rows, "the shards' rows do not add up");
  } else {
    require(manifest.shards.empty(), "only Parquet output has shards");
  }
  for (const FileEntry& file : manifest.files) {
    require(is_output_name(file.name), "a file name is not one that embedtool writes");
  }
}

/// None where another version of embedtool knows other fields.
std::optional<RunIdentity> journal_identity(const Json& json) {
  if (!json.is_object()) return std::nullopt;
  Settings record;
  for (const auto& [name, value] : json.items()) {
    record.emplace_back(name, value.get<std::string>());
  }
  try {
    return identity_from(record);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

// A line that is not whole is no error: it is what a run that died was writing.
std::optional<ShardEntry> parse_line(std::string_view line) {
  if (!line_seal_holds(line)) return std::nullopt;
  try {
    const Json json = parse_json(line);
    ShardEntry shard = shard_from(json, "shard");
    shard.last_record = number(json, "last_record");
    shard.last_record_rows = number(json, "last_record_rows");
    shard.prefix = number(json, "prefix");
    shard.rejects = {number(json, "rejects_bytes"), number(json, "rejects_end")};
    return shard;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  const RunIdentity& identity = manifest.identity;
  Settings settings = identity_settings(identity);
  settings.insert(settings.end(), manifest.foreign_settings.begin(),
                  manifest.foreign_settings.end());
  Json json = {
      {"format", kFormat},
      {"format_version", kFormatVersion},
      {"tool", std::string(kToolPrefix) + identity.program},
      {"model", identity.model_fingerprint},
      {"settings", settings_json(settings)},
      {"inputs", Json::array()},
      {"data", name_of(identity.to)},
      {"dims", identity.dims},
      {"dtype", name_of(identity.dtype)},
      {"multi_vector", identity.kind == RowKind::multi},
      {"int8_scale", identity.int8_scale},
      {"kept_fields", identity.keep},
      {"rows", manifest.rows},
      {"shards", Json::array()},
      {"files", Json::array()},
  };
  if (identity.kind == RowKind::sparse) json["sparse"] = true;
  for (const InputEntry& input : identity.inputs) json["inputs"].push_back(input_json(input));
  for (const StampedFile& file : identity.model_files) {
    json["model_files"].push_back(model_file_json(file));
  }
  for (const ShardEntry& shard : manifest.shards) json["shards"].push_back(shard_json(shard));
  for (const FileEntry& file : manifest.files) json["files"].push_back(file_json(file));
  return sealed(json);
}

Manifest parse_manifest(std::string_view text, const std::string& path) {
  constexpr std::string_view kRemedy =
      "it is damaged or was edited: encode again with `embedtool encode --overwrite`";
  return naming_damage(path, ExitCode::failed, kRemedy, [text] {
    require(looks_like_manifest(text), "not an embedtool manifest");
    require(seal_holds(text), "its checksum does not match its contents");
    try {
      Manifest manifest = manifest_from(parse_json(text));
      check_consistent(manifest);
      return manifest;
    } catch (const Json::exception& error) {  // bad syntax, a missing member or a wrong type
      throw Damaged(error.what());
    }
  });
}

bool looks_like_manifest(std::string_view text) {
  const std::string head = fmt::format("{{\n  \"format\": \"{}\"", kFormat);
  return text.substr(0, head.size()) == head;
}

std::string journal_header(const RunIdentity& identity) {
  return sealed_line({{"embedtool_journal", kJournalVersion},
                      {"identity", settings_json(identity_record(identity))}});
}

std::string journal_line(const ShardEntry& shard) {
  return sealed_line({{"shard", shard.name},
                      {"rows", shard.rows},
                      {"first_row", shard.first_row},
                      {"bytes", shard.bytes},
                      {"xxh128", shard.hash.hex()},
                      {"last_record", shard.last_record},
                      {"last_record_rows", shard.last_record_rows},
                      {"prefix", shard.prefix},
                      {"rejects_bytes", shard.rejects.bytes},
                      {"rejects_end", shard.rejects.end}});
}

std::optional<Journal> parse_journal(std::string_view text) {
  const std::size_t header_end = text.find('\n');
  if (header_end == std::string_view::npos) return std::nullopt;
  const std::string_view header = text.substr(0, header_end + 1);
  if (!line_seal_holds(header)) return std::nullopt;
  Journal journal;
  try {
    const Json json = parse_json(header);
    require(number(json, "embedtool_journal") <= kJournalVersion, "unknown version");
    journal.identity = journal_identity(json.at("identity"));
  } catch (const std::exception&) {
    return std::nullopt;
  }
  journal.valid_bytes = header.size();
  std::uint64_t row = 0;
  // Entries count only as far as they follow each other.
  while (true) {
    const std::size_t end = text.find('\n', journal.valid_bytes);
    if (end == std::string_view::npos) return journal;
    const auto shard = parse_line(text.substr(journal.valid_bytes, end + 1 - journal.valid_bytes));
    const bool next = shard && names_shard(shard->name, journal.shards.size()) &&
                      shard->first_row == row && shard->rows <= UINT64_MAX - row;
    if (!next) return journal;
    row += shard->rows;
    journal.shards.push_back(*shard);
    journal.valid_bytes = end + 1;
  }
}

std::string shard_name(std::size_t index) {
  return fmt::format("{}/{}", kDataFolder, file_of_shard(index));
}

std::string unit_shard_name(std::size_t unit, std::size_t index) {
  return fmt::format("{}/part-{:06}-{:05}.parquet", kDataFolder, unit, index);
}

bool is_unit_shard_name(std::string_view name) {
  constexpr std::string_view kPattern = "data/part-######-#####.parquet";
  return std::equal(name.begin(), name.end(), kPattern.begin(), kPattern.end(),
                    [](char c, char p) { return p == '#' ? c >= '0' && c <= '9' : c == p; });
}

bool is_output_name(std::string_view name) {
  if (is_unit_shard_name(name)) return true;
  constexpr std::array<std::string_view, 9> kNames = {
      kReportName,        kRejectsName,       "embeddings.npy",  "offsets.npy",  "ids.jsonl",
      "embeddings.jsonl", "embeddings.arrow", "changes.parquet", "changes.jsonl"};
  if (std::find(kNames.begin(), kNames.end(), name) != kNames.end()) return true;
  constexpr std::string_view kHead = "part-";
  constexpr std::string_view kTail = ".parquet";
  if (name.starts_with(kDataFolder) && name.substr(kDataFolder.size()).starts_with('/')) {
    name.remove_prefix(kDataFolder.size() + 1);
  }
  if (!name.starts_with(kHead) || !name.ends_with(kTail)) return false;
  if (name.size() < kHead.size() + 5 + kTail.size()) return false;
  const auto digits = name.substr(kHead.size(), name.size() - kHead.size() - kTail.size());
  return digits.size() <= 18 && digits.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace embedtool
