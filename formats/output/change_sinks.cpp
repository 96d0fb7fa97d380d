// Where changes are written: lines of JSON, or a Parquet table.
#include <array>
#include <string>

#include "core/base/error.hpp"
#include "formats/io/json_text.hpp"
#include "formats/output/output_changes.hpp"
#include "formats/parquet/parquet_table_writer.hpp"

namespace embedtool {
namespace {

class ChangeLines final : public ChangeSink {
 public:
  explicit ChangeLines(ByteSink& out) : out_(out) {}

  void write(const Change& change) override {
    lines_ += "{\"op\":";
    append_json_string(lines_, change.op);
    lines_ += ",\"id\":";
    append_json_string(lines_, change.id);
    text("what", change.what);
    text("old_hash", change.old_hash ? change.old_hash->hex() : "");
    text("new_hash", change.new_hash ? change.new_hash->hex() : "");
    text("shard", change.shard);
    lines_ += ",\"row\":";
    if (change.shard.empty()) {
      lines_ += "null";
    } else {
      append_json_integer(lines_, static_cast<std::int64_t>(change.row));
    }
    lines_ += "}\n";
    if (lines_.size() >= kBuffer) flush();
  }
  void finish() override { flush(); }

 private:
  static constexpr std::size_t kBuffer = std::size_t{64} << 10U;

  /// A member that is null where it is empty.
  void text(std::string_view name, std::string_view value) {
    lines_ += ",\"";
    lines_ += name;
    lines_ += "\":";
    if (value.empty()) {
      lines_ += "null";
    } else {
      append_json_string(lines_, value);
    }
  }
  void flush() {
    out_.write(std::as_bytes(std::span(lines_)));
    lines_.clear();
  }

  ByteSink& out_;
  std::string lines_;
};

class ChangeTable final : public ChangeSink {
 public:
  explicit ChangeTable(ByteSink& out) : table_(columns(), 1, out) {}

  void write(const Change& change) override {
    table_.add(0, std::optional(change.op));
    table_.add(1, std::optional(change.id));
    table_.add(2, some(change.what));
    table_.add(3, some(old_hash_ = change.old_hash ? change.old_hash->hex() : ""));
    table_.add(4, some(new_hash_ = change.new_hash ? change.new_hash->hex() : ""));
    table_.add(5, some(change.shard));
    const bool has_row = !change.shard.empty();
    table_.add(6, has_row ? std::optional(static_cast<std::int32_t>(change.row)) : std::nullopt);
    table_.end_row();
  }
  void finish() override { table_.finish(); }

 private:
  static std::vector<ParquetTableWriter::Column> columns() {
    return {{"op", false, false},      {"id", false, false},      {"what", false, true},
            {"old_hash", false, true}, {"new_hash", false, true}, {"shard", false, true},
            {"row", true, true}};
  }
  static std::optional<std::string_view> some(std::string_view text) {
    return text.empty() ? std::nullopt : std::optional(text);
  }

  ParquetTableWriter table_;
  std::string old_hash_;
  std::string new_hash_;
};

}  // namespace

std::unique_ptr<ChangeSink> open_change_lines(ByteSink& out) {
  return std::make_unique<ChangeLines>(out);
}

std::unique_ptr<ChangeSink> open_change_table(ByteSink& out) {
  return std::make_unique<ChangeTable>(out);
}

bool is_change_table(std::string_view option, std::string_view path) {
  if (path.ends_with(".parquet")) return true;
  if (path.ends_with(".jsonl") || path.ends_with(".ndjson")) return false;
  throw Error(ExitCode::usage, "{} {}: the name must end in .parquet or .jsonl", option, path);
}

}  // namespace embedtool
