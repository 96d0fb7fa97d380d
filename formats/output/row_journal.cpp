#include "formats/output/row_journal.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/append_bytes.hpp"
#include "formats/output/hash_index.hpp"
#include "formats/output/output_rows.hpp"

namespace embedtool {
namespace {

/// A file begins with this; then block follows block: its head, a key for each row, the rows.
struct FileHead {
  std::array<char, 8> magic{'E', 'T', 'R', 'O', 'W', 'S', '1', '\n'};
  Hash128 fingerprint;

  bool operator==(const FileHead&) const = default;
};
static_assert(sizeof(FileHead) == 24);

struct BlockHead {
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  ///< of keys and rows
  Hash128 hash;             ///< of the same
};
static_assert(sizeof(BlockHead) == 32);

struct RowHead {
  Hash128 text;
  std::uint64_t key = 0;   ///< RowKey, packed, without the row's number
  std::uint64_t size = 0;  ///< bytes
};
static_assert(sizeof(RowHead) == 32);

template <typename Head>
std::span<const std::byte> bytes_of(const Head& head) {
  return std::as_bytes(std::span(&head, 1));
}

template <typename Head>
Head head_at(const std::byte* bytes) {
  Head head;
  std::memcpy(&head, bytes, sizeof(Head));
  return head;
}

std::span<const std::byte> bytes_of(const EmbeddingBlock& block, const OutputSpec& spec,
                                    std::size_t row) {
  if (spec.kind == RowKind::sparse) return std::as_bytes(block.weights_of(row));
  return block.vectors_of(row, spec.vector_bytes());
}

/// ".rows/unit-000042.<whose>" → "unit-000042"
std::string_view piece_of(std::string_view name) {
  name.remove_prefix(std::min(name.size(), kRowsFolder.size() + 1));
  return name.substr(0, name.find('.'));
}

}  // namespace

Hash128 row_fingerprint(const RunIdentity& identity) {
  Hasher128 hasher;
  for (const IdentityClass kind : {IdentityClass::space, IdentityClass::kernels}) {
    for (const auto& [name, value] : identity_settings(identity, kind)) {
      hasher.update(fmt::format("{}\n{}\n{}\n", name, value.size(), value));
    }
  }
  return hasher.digest();
}

RowJournal::RowJournal(const Directory& directory, std::string_view piece,
                       const Hash128& fingerprint)
    : directory_(directory) {
  const std::string temporary = temp_name_for(piece);
  name_ = fmt::format("{}/{}.{}", kRowsFolder, piece,
                      std::string_view(temporary).substr(kTempPrefix.size()));
  directory_.make_folder(kRowsFolder);
  fd_ = directory_.create(temporary);
  directory_.rename(temporary, name_);
  FileHead head;
  head.fingerprint = fingerprint;
  write(bytes_of(head));
}

void RowJournal::write(std::span<const std::byte> bytes) {
  const int error = write_fully(directory_.ops(), fd_.get(), bytes);
  if (error != 0) directory_.fail(name_, "write", error);
  size_ += bytes.size();
}

void RowJournal::append(const EmbeddingBlock& block, const OutputSpec& spec,
                        std::vector<RowPlace>& places) {
  const auto key_of = [&](std::size_t row) {
    return RowKey{0, block.rows[row].n_tokens, block.rows[row].truncated};
  };
  const auto is_kept = [&](std::size_t row) {
    const Record& record = block.documents->records[block.rows[row].record];
    return record.kind != RecordKind::vector && key_of(row).packs();
  };
  BlockHead head;
  block_.assign(sizeof(head), std::byte{});  // filled in below
  for (std::size_t row = 0; row < block.rows.size(); ++row) {
    if (!is_kept(row)) continue;
    const RowHead entry{block.rows[row].text_hash, key_of(row).pack(),
                        bytes_of(block, spec, row).size()};
    append_bytes(block_, bytes_of(entry));
    ++head.rows;
  }
  for (std::size_t row = 0; row < block.rows.size(); ++row) {
    const auto bytes = is_kept(row) ? bytes_of(block, spec, row) : std::span<const std::byte>();
    places.push_back({size_ + block_.size(), bytes.size()});
    append_bytes(block_, bytes);
  }
  head.bytes = block_.size() - sizeof(BlockHead);
  head.hash = hash128(block_.data() + sizeof(BlockHead), head.bytes);
  std::memcpy(block_.data(), &head, sizeof(BlockHead));
  write(block_);
}

void RowJournal::read(const RowPlace& place, std::vector<std::byte>& out) const {
  out.resize(place.size);
  const ssize_t got = read_fully(directory_.ops(), fd_.get(), place.offset, out);
  if (got == static_cast<ssize_t>(out.size())) return;
  throw Error(ExitCode::failed, "{}: cannot read: {}", directory_.path_of(name_),
              got < 0 ? std::strerror(errno) : "it ends early");
}

void RowJournal::remove() {
  directory_.remove(name_);
}

bool has_journaled_rows(const Directory& directory) {
  try {
    for (const std::string& file : directory.list(kRowsFolder)) {
      const DirectoryFile journal(directory, fmt::format("{}/{}", kRowsFolder, file));
      if (journal.size() > sizeof(FileHead)) return true;
    }
  } catch (const Error&) {  // said of a run that failed, perhaps for the same reason
  }
  return false;
}

void remove_row_journals(const Directory& directory) {
  for (const std::string& name : directory.list(kRowsFolder)) {
    directory.remove(fmt::format("{}/{}", kRowsFolder, name));
  }
  directory.remove_empty_folder(kRowsFolder);
}

RecoveredRows::RecoveredRows(const Directory& directory, const OutputSpec& spec,
                             const Hash128& fingerprint, const JournalChoice& choice,
                             std::size_t memory)
    : directory_(directory), spec_(spec), most_(memory / (4 * sizeof(Slot))) {
  for (const std::string& file : directory_.list(kRowsFolder)) {
    const std::string name = fmt::format("{}/{}", kRowsFolder, file);
    if (!choice.is_to_come(piece_of(name))) continue;
    if (!take(name, fingerprint) && choice.alone) directory_.remove(name);
  }
}

/// False where it has no row that this run could use.
bool RecoveredRows::take(const std::string& name, const Hash128& fingerprint) {
  auto file = DirectoryFile::find(directory_, name);
  if (file == nullptr) return false;  // its own process has just finished with it
  FileHead head;
  if (file->size() < sizeof(head)) return false;
  file->read_at(0, std::as_writable_bytes(std::span(&head, 1)));
  FileHead wanted;
  wanted.fingerprint = fingerprint;
  if (head != wanted) return false;
  names_.push_back(name);
  files_.push_back(std::move(file));
  const std::uint64_t before = rows_;
  for (std::uint64_t at = sizeof(head); at != 0;) at = take_block(at);
  return rows_ > before;
}

/// Where the next block of the newest file begins; 0 where none does.
std::uint64_t RecoveredRows::take_block(std::uint64_t at) {
  constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30U;
  const DirectoryFile& file = *files_.back();
  BlockHead head;
  if (file.size() - at < sizeof(head)) return 0;
  file.read_at(at, std::as_writable_bytes(std::span(&head, 1)));
  at += sizeof(head);
  if (head.bytes > std::min(kMostBytes, file.size() - at)) return 0;
  if (head.rows > head.bytes / sizeof(RowHead)) return 0;
  block_.resize(head.bytes);
  file.read_at(at, block_);
  if (hash128(block_.data(), block_.size()) != head.hash) return 0;
  std::uint64_t offset = head.rows * sizeof(RowHead);
  for (std::uint64_t row = 0; row < head.rows; ++row) {
    const auto entry = head_at<RowHead>(block_.data() + row * sizeof(RowHead));
    if (entry.size > head.bytes - offset) return 0;
    if (!is_row(std::span(block_).subspan(offset, entry.size))) return 0;
    const RowKey key = RowKey::unpack(entry.key);
    const RowKey numbered{files_.size() - 1, key.n_tokens, key.truncated};
    remember(entry.text, numbered.pack(), {at + offset, entry.size});
    offset += entry.size;
  }
  return at + head.bytes;
}

bool RecoveredRows::is_row(std::span<const std::byte> bytes) const {
  if (spec_.kind == RowKind::dense) return bytes.size() == spec_.vector_bytes();
  if (spec_.kind == RowKind::multi) return bytes.size() % spec_.vector_bytes() == 0;
  if (bytes.size() % sizeof(SparseEntry) != 0) return false;
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(SparseEntry)) {
    const auto entry = head_at<SparseEntry>(bytes.data() + at);
    if (entry.token < 0 || static_cast<std::size_t>(entry.token) >= spec_.dims) return false;
  }
  return true;
}

void RecoveredRows::remember(const Hash128& hash, std::uint64_t key, const RowPlace& place) {
  if (rows_ >= most_) return;
  table_.reserve(rows_ + 1, [](const Slot& other) { return other.hash.low; });
  Slot& slot =
      table_[table_.place(hash.low, [&](const Slot& other) { return other.hash == hash; })];
  if (!slot.is_free()) return;
  slot = {hash, place, key};
  ++rows_;
}

void RecoveredRows::find(std::span<const Hash128> texts, ReusedRows& out) {
  if (rows_ == 0) return;
  for (std::uint32_t text = 0; text < texts.size(); ++text) {
    if (out.find(text) != nullptr) continue;
    const Slot& slot = table_[table_.place(
        texts[text].low, [&](const Slot& other) { return other.hash == texts[text]; })];
    if (slot.is_free()) continue;
    const RowKey key = RowKey::unpack(slot.key);
    block_.resize(slot.place.size);
    files_[key.row]->read_at(slot.place.offset, block_);
    out.row_of[text] = static_cast<std::uint32_t>(out.rows.size());
    append_row(spec_, block_, out);
    ReusedRows::Row& row = out.rows.back();
    row.n_tokens = key.n_tokens;
    row.truncated = key.truncated;
    row.origin = RowOrigin::stopped_run;
  }
}

void RecoveredRows::drop(std::string_view piece) const {
  for (const std::string& name : names_) {
    if (piece_of(name) == piece) directory_.remove(name);
  }
}

}  // namespace embedtool
