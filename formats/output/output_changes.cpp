#include "formats/output/output_changes.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "formats/io/durable_file.hpp"
#include "formats/io/external_sort.hpp"
#include "formats/output/shard_reader.hpp"

namespace embedtool {
namespace {

/// An id that more rows share is not compared: the group would have to be in memory.
constexpr std::size_t kMostRowsOfAnId = std::size_t{1} << 20U;

void put_number(std::uint64_t value, std::string& out) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
}

std::uint64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    value = value << 8U | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

void put_hash(const Hash128& hash, std::string& out) {
  put_number(hash.high, out);
  put_number(hash.low, out);
}

Hash128 hash_at(std::string_view bytes, std::size_t at) {
  return {.low = number_at(bytes, at + 8), .high = number_at(bytes, at)};
}

/// A row of either output, as it is sorted: its id, ended by two zeros (a zero in it is followed by
/// 255, so that ids sort as their bytes do), then what follows in kTail bytes.
struct IdRow {
  bool is_new = false;
  std::uint64_t row = 0;
  Hash128 text;
  Hash128 fields;
};
constexpr std::size_t kTail = 1 + 8 + 16 + 16;

void put_id(std::string_view id, std::string& out) {
  for (const char c : id) {
    out += c;
    if (c == '\0') out += '\xff';
  }
  out.append(2, '\0');
}

std::string id_of(std::string_view key) {
  std::string id;
  for (std::size_t at = 0; at + 2 < key.size(); ++at) {
    id += key[at];
    if (key[at] == '\0') ++at;
  }
  return id;
}

IdRow row_of(std::string_view tail) {
  return {tail[0] != '\0', number_at(tail, 1), hash_at(tail, 9), hash_at(tail, 25)};
}

/// Hashes a row's kept fields, by name, so that their order and fields that are null do not count.
class FieldHasher {
 public:
  explicit FieldHasher(const std::vector<std::string>& names)
      : names_(names), order_(names.size()) {
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    std::sort(order_.begin(), order_.end(),
              [&](std::size_t a, std::size_t b) { return names[a] < names[b]; });
  }

  Hash128 hash(const DocumentBlock& documents, std::size_t record) {
    bytes_.clear();
    if (!documents.chunks.empty()) add(documents.chunks[record]);
    for (const std::size_t field : order_) {
      const Slice value = documents.kept[record * names_.size() + field];
      if (value.is_null()) continue;
      add(names_[field]);
      add(documents.string(value));
    }
    return hash128(bytes_);
  }

 private:
  void add(const ChunkPlace& place) {
    for (const ChunkNumber& number : kChunkNumbers) {
      add(number.name);
      put_number(place.*number.value, bytes_);
    }
  }
  void add(std::string_view text) {
    put_number(text.size(), bytes_);
    bytes_ += text;
  }

  const std::vector<std::string>& names_;
  std::vector<std::size_t> order_;
  std::string bytes_;
};

void add_rows(const PublishedRows& output, bool is_new, ExternalSort& sort) {
  if (output.directory == nullptr) return;
  constexpr std::size_t kBlock = 8192;
  ShardRows shards(*output.directory, *output.manifest, {.vectors = false});
  FieldHasher hasher(output.manifest->identity.keep);
  OutputBlock block;
  std::string record;
  for (std::uint64_t row = 0; block.clear(), shards.read(row, kBlock, block) > 0;) {
    for (std::size_t i = 0; i < block.rows.size(); ++i) {
      record.clear();
      put_id(block.documents.id(block.documents.records[i]), record);
      record += is_new ? '\1' : '\0';
      put_number(row++, record);
      put_hash(block.rows[i].text_hash, record);
      put_hash(hasher.hash(block.documents, i), record);
      sort.add(record);
    }
  }
}

/// Joins the rows of two outputs, which come sorted by id, and writes what differs.
class ChangeFinder {
 public:
  ChangeFinder(const PublishedRows& now, const std::string& scratch, std::size_t memory,
               ChangeSink& sink)
      : now_(now), sink_(sink), upserts_(scratch, memory) {}

  void take(std::string_view record) {
    const std::string_view key = record.substr(0, record.size() - kTail);
    if (key != key_) {
      end_group();
      key_ = key;
    }
    const IdRow row = row_of(record.substr(key.size()));
    ++(row.is_new ? new_rows_ : old_rows_);
    if (group_.size() < kMostRowsOfAnId) {
      group_.push_back(row);
    } else if (row.is_new) {  // it is known to be ambiguous
      upsert("insert", "ambiguous", nullptr, row);
    }
  }

  ChangeCounts finish() {
    end_group();
    while (const auto upsert = upserts_.next()) write_upsert(*upsert);
    return counts_;
  }

 private:
  void end_group() {
    if (old_rows_ + new_rows_ == 0) return;
    id_ = id_of(key_);
    if (old_rows_ > 1 || new_rows_ > 1) {
      end_ambiguous();
    } else if (new_rows_ == 0) {
      remove("", &group_.front());
    } else if (old_rows_ == 0) {
      upsert("insert", "", nullptr, group_.front());
    } else {
      compare(group_[0], group_[1]);
    }
    group_.clear();
    old_rows_ = new_rows_ = 0;
  }

  void compare(const IdRow& before, const IdRow& now) {
    const bool text = before.text != now.text;
    const bool fields = before.fields != now.fields;
    if (!text && !fields) {
      ++counts_.unchanged;
      return;
    }
    upsert("update", text && fields ? "both" : text ? "text" : "fields", &before, now);
  }

  /// Which of the old rows became which of the new ones cannot be known.
  void end_ambiguous() {
    const auto same_rows = [this] {
      if (old_rows_ != new_rows_ || old_rows_ + new_rows_ > group_.size()) return false;
      const auto middle = group_.begin() + static_cast<std::ptrdiff_t>(old_rows_);
      const auto value = [](const IdRow& row) {
        return std::tuple(row.text.high, row.text.low, row.fields.high, row.fields.low);
      };
      return std::equal(group_.begin(), middle, middle, group_.end(),
                        [&](const IdRow& a, const IdRow& b) { return value(a) == value(b); });
    };
    sort_group();
    if (same_rows()) {
      counts_.unchanged += new_rows_;
      return;
    }
    ++counts_.ambiguous;
    if (old_rows_ > 0) remove("ambiguous", nullptr);
    for (const IdRow& row : group_) {
      if (row.is_new) upsert("insert", "ambiguous", nullptr, row);
    }
  }

  /// By what is compared, so that equal rows of both outputs stand at equal places.
  void sort_group() {
    std::sort(group_.begin(), group_.end(), [](const IdRow& a, const IdRow& b) {
      return std::tuple(a.is_new, a.text.high, a.text.low, a.fields.high, a.fields.low) <
             std::tuple(b.is_new, b.text.high, b.text.low, b.fields.high, b.fields.low);
    });
  }

  void remove(std::string_view what, const IdRow* row) {
    Change change;
    change.op = "delete";
    change.id = id_;
    change.what = what;
    if (row != nullptr) change.old_hash = row->text;
    sink_.write(change);
    ++counts_.deleted;
  }

  /// Waits for the deletes, in the order of rows: number, op, what, hashes, id.
  void upsert(std::string_view op, std::string_view what, const IdRow* before, const IdRow& now) {
    ++(op == "update" ? counts_.updated : counts_.inserted);
    record_.clear();
    put_number(now.row, record_);
    record_ += static_cast<char>(op.size());
    record_ += op;
    record_ += static_cast<char>(what.size());
    record_ += what;
    record_ += before != nullptr ? '\1' : '\0';
    put_hash(before != nullptr ? before->text : Hash128{}, record_);
    put_hash(now.text, record_);
    record_ += id_of(key_);
    upserts_.add(record_);
  }

  void write_upsert(std::string_view record) {
    const auto take = [&record](std::size_t size) {
      const std::string_view part = record.substr(0, size);
      record.remove_prefix(size);
      return part;
    };
    const std::uint64_t row = number_at(take(8), 0);
    Change change;
    change.op = take(static_cast<std::size_t>(take(1)[0]));
    change.what = take(static_cast<std::size_t>(take(1)[0]));
    const bool has_old = take(1)[0] != '\0';
    const Hash128 old_hash = hash_at(take(16), 0);
    if (has_old) change.old_hash = old_hash;
    change.new_hash = hash_at(take(16), 0);
    change.id = record;
    const std::vector<ShardEntry>& shards = now_.manifest->shards;
    while (row >= shards[shard_].first_row + shards[shard_].rows) ++shard_;  // rows ascend
    change.shard = shards[shard_].name;
    change.row = row - shards[shard_].first_row;
    sink_.write(change);
  }

  PublishedRows now_;
  ChangeSink& sink_;
  ExternalSort upserts_;
  ChangeCounts counts_;
  std::string key_;
  std::string id_;
  std::vector<IdRow> group_;  ///< of one id, the old output's first
  std::uint64_t old_rows_ = 0;
  std::uint64_t new_rows_ = 0;
  std::string record_;
  std::size_t shard_ = 0;
};

}  // namespace

ChangeCounts find_changes(const PublishedRows& before, const PublishedRows& now,
                          const std::string& scratch, std::size_t memory, ChangeSink& sink) {
  ExternalSort rows(scratch, memory / 2);
  add_rows(before, false, rows);
  add_rows(now, true, rows);
  ChangeFinder finder(now, scratch, memory / 2, sink);
  while (const auto record = rows.next()) finder.take(*record);
  const ChangeCounts counts = finder.finish();
  sink.finish();
  return counts;
}

ChangeCounts write_changes(const PublishedRows& before, const PublishedRows& now,
                           const std::string& scratch, std::size_t memory,
                           const std::string& path) {
  const bool table = is_change_table("the file of changes", path);
  const std::size_t slash = path.rfind('/');
  const std::string name = path.substr(slash + 1);
  const Directory folder(slash == std::string::npos ? "." : path.substr(0, slash + 1), false);
  DurableFile file(folder, name);
  const auto sink = table ? open_change_table(file) : open_change_lines(file);
  const ChangeCounts counts = find_changes(before, now, scratch, memory, *sink);
  file.publish();
  return counts;
}

}  // namespace embedtool
