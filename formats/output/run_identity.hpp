#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/enum_words.hpp"
#include "core/data.hpp"
#include "core/math/gemm.hpp"
#include "core/model/head_kind.hpp"
#include "core/model/numerics.hpp"
#include "core/model/pooling.hpp"
#include "core/pipeline/run_options.hpp"
#include "formats/corpus/corpus_options.hpp"
#include "formats/io/file_stamp.hpp"
#include "formats/parquet/parquet_writer.hpp"

namespace embedtool {

/// Names and values as text, in order.
using Settings = std::vector<std::pair<std::string, std::string>>;

/// Format of the vectors that a run writes.
enum class OutputFormat : std::uint8_t { parquet, npy, jsonl, arrow };
template <>
inline constexpr auto enum_words<OutputFormat> = std::to_array<EnumWord<OutputFormat>>({
    {OutputFormat::parquet, "parquet"},
    {OutputFormat::npy, "npy"},
    {OutputFormat::jsonl, "jsonl"},
    {OutputFormat::arrow, "arrow"},
});

/// What is done with a record whose id another had before.
enum class DuplicateIds : std::uint8_t { keep, reject };
template <>
inline constexpr auto enum_words<DuplicateIds> = std::to_array<EnumWord<DuplicateIds>>({
    {DuplicateIds::keep, "keep"},
    {DuplicateIds::reject, "reject"},
});

/// One input of a run: a file, a pipe, or all files of a folder or list. Two runs read the same
/// inputs when names, numbers of files and sizes agree; whether the contents do, only the hash
/// tells.
struct InputEntry {
  std::string name;                         ///< valid UTF-8
  std::optional<std::uint64_t> bytes;       ///< as stored; none: not known yet
  std::optional<std::int64_t> modified_ns;  ///< none: a pipe
  std::string hash;                         ///< XXH3-128, hexadecimal; empty if unknown
  std::uint64_t files = 0;                  ///< of a folder or list; 0: it is neither
  std::string listing;  ///< of a folder or list: hash of its files' names, sizes and times

  bool is_file() const { return bytes.has_value() && modified_ns.has_value(); }
};

/// What makes two runs the same. Manifest, journal, shards, report, `info`, `search` and the
/// comparison of runs all read this struct through identity_fields(): a new setting is a member
/// here and a line there. A plain value.
struct RunIdentity {
  // space: what a vector means
  std::string model_fingerprint;
  HeadKind head = HeadKind::dense;
  std::vector<Pooling> pooling;              ///< none: a sparse head
  std::optional<bool> normalize;             ///< none: a sparse head
  std::optional<std::uint64_t> kept_tokens;  ///< of a sparse row, 0 = all; none: another head
  std::string prompt;
  std::string role;              ///< "query", "document": late interaction only
  std::uint64_t max_length = 0;  ///< tokens; 0 = no limit
  OnLong on_long = OnLong::truncate;
  std::uint64_t chunk_tokens = 0;   ///< of a chunk; 0: texts are not cut
  std::uint64_t chunk_overlap = 0;  ///< tokens
  ChunkBy chunk_by = ChunkBy::sentence;
  std::string chunk_prefix;  ///< the field that is put before each chunk
  ChunkPooling chunk_pooling = ChunkPooling::own;
  ChunkJoin chunk_join = ChunkJoin::none;
  Compute compute = Compute::f32;
  std::uint64_t numerics = numerics_of(Compute::f32);
  RowKind kind = RowKind::dense;
  std::uint64_t dims = 0;
  OutputType dtype = OutputType::f32;
  float int8_scale = 0.0F;  ///< 0 = not calibrated yet, or not int8
  // kernels: its last bits
  std::string gemm;  ///< backend and kernels: "native (AVX-512)"
  std::string isa;
  std::string reused_kernels;  ///< of an earlier output's rows, where they are others
  // rows: what is read and written of it
  std::vector<InputEntry> inputs;
  std::string format = "auto";
  std::vector<std::string> text_fields;
  std::string join = " ";
  std::string id_field;
  std::string vector_field;
  IdFrom id_from = IdFrom::position;
  bool quotes = true;
  std::string delimiter;  ///< empty: found out
  bool header = true;
  std::vector<std::string> globs;
  DuplicateIds duplicate_ids = DuplicateIds::keep;
  std::uint64_t max_line = 0;     ///< bytes, as asked for
  std::uint64_t line_limit = 0;   ///< what memory left of that; 0 = not known yet
  std::uint64_t limit = 0;        ///< records that are read; 0 = all
  std::uint64_t sample = 0;       ///< records chosen of these; 0 = all
  std::uint64_t seed = 0;         ///< by which they are
  std::vector<std::string> keep;  ///< as for kept_field()
  std::string chunk_rules;        ///< the version of Unicode by whose rules texts are cut
  bool chunk_text = false;        ///< rows have their chunk's text
  OutputFormat to = OutputFormat::parquet;
  // place: where things are and how the bytes are cut
  std::string program;     ///< "0.1.0"
  std::string model;       ///< its name
  std::string model_path;  ///< for `search`
  /// 1: beside the manifest; 2: in a folder of their own, with statistics and indexes.
  std::uint64_t shard_format = parquet::kFormatVersion;
  VectorEncoding encoding = VectorEncoding::plain;
  VectorType vector_type = VectorType::fixed;
  std::uint64_t shard_rows = 0;  ///< 0 where the format has no shards
  std::uint64_t row_group = 0;   ///< bytes; 0 likewise
  std::string link;              ///< absolute path of the link that led to it when it was complete
  /// By which an unchanged model is recognised without hashing it; empty = it has to be hashed.
  std::vector<StampedFile> model_files;
};

/// What a field says about a run.
enum class IdentityClass : std::uint8_t { space, kernels, rows, place };
template <>
inline constexpr auto enum_words<IdentityClass> = std::to_array<EnumWord<IdentityClass>>({
    {IdentityClass::space, "space"},
    {IdentityClass::kernels, "kernels"},
    {IdentityClass::rows, "rows"},
    {IdentityClass::place, "place"},
});

/// Where manifest.json has a field.
enum class Recorded : std::uint8_t {
  setting,         ///< among the settings, by its name
  setting_if_set,  ///< likewise, unless it has its default
  member           ///< in a member of its own
};

/// One member of RunIdentity.
struct IdentityField {
  std::string_view name;
  IdentityClass kind = IdentityClass::space;
  Recorded recorded = Recorded::setting;
  /// Space, kernels and rows always count. Of place, only this: an unfinished output is not
  /// continued where it differs, since its shards would not be those of an undisturbed run; a
  /// complete one is good all the same.
  bool cuts_bytes = false;
  bool known_late = false;  ///< once weights are loaded: until then it has its default
  const char* remedy = "";  ///< a flag that restores it, or what a difference means
  std::string (*get)(const RunIdentity&) = nullptr;
  /// Throws Damaged for text that get() never gives.
  void (*set)(RunIdentity&, std::string_view) = nullptr;
  bool (*same)(const RunIdentity&, const RunIdentity&) = nullptr;
};

/// One entry for each member of RunIdentity, in the order of the manifest.
std::span<const IdentityField> identity_fields();
/// The field of that name, or null.
const IdentityField* find_identity_field(std::string_view name);

/// What a comparison is for.
enum class Comparison : std::uint8_t {
  up_to_date,  ///< whether a complete output is what a command asks for
  resume,      ///< whether it can continue an unfinished one
  reuse,       ///< whether vectors mean the same
  kernels,     ///< whether the same code computes them, to the last bit
  part,        ///< whether a command belongs to a job; its kernels may be others
  unit,        ///< whether a unit does, whose inputs are compared elsewhere
};

/// The first field that keeps two runs apart, as a sentence with both values and the remedy; empty
/// where there is none.
std::string first_difference(const RunIdentity& before, const RunIdentity& now, Comparison purpose);
/// How a complete output that is up to date is cut otherwise than asked for: a part of a sentence,
/// or empty.
std::string other_cut(const RunIdentity& before, const RunIdentity& now);

/// The fields of manifest.json's `settings`: of one class, or all.
Settings identity_settings(const RunIdentity& identity);
Settings identity_settings(const RunIdentity& identity, IdentityClass kind);
/// Every field, for the journal; identity_from() reads it back. A name that is unknown, or missing,
/// is Damaged.
Settings identity_record(const RunIdentity& identity);
RunIdentity identity_from(const Settings& record);

/// What sinks and readers must know of the rows; without token names and metadata.
OutputSpec output_spec(const RunIdentity& identity);
/// How the shards are written, as far as it is a setting.
ParquetOptions parquet_options(const RunIdentity& identity);
/// Key-value metadata of the shards.
Settings shard_metadata(const RunIdentity& identity);

}  // namespace embedtool
