#include "formats/output/npy.hpp"

#include <fmt/core.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <span>

#include "core/base/error.hpp"
#include "formats/parquet/parquet_schema.hpp"

namespace embedtool {
namespace {

static_assert(std::endian::native == std::endian::little, "vectors are written in memory order");

// Magic, version 1.0, and the length of what follows, little-endian in 16 bits.
constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr std::size_t kTextStart = 10;
constexpr std::size_t kLinesFlush = std::size_t{64} << 10;

std::string_view dtype_of(OutputType type) {
  switch (type) {
    case OutputType::f32:
      return "<f4";
    case OutputType::f16:
      return "<f2";
    case OutputType::int8:
      return "|i1";
    case OutputType::binary:
      return "|u1";
  }
  return "";
}

std::string shape_text(std::uint64_t rows, std::uint64_t columns) {
  return columns == 0 ? fmt::format("({},)", rows) : fmt::format("({}, {})", rows, columns);
}

/// The number at the front of `text`, which is cut off.
std::uint64_t take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return value;
}

const OutputSpec& dense_only(const OutputSpec& spec) {
  if (spec.kind != RowKind::sparse) return spec;
  throw Error(ExitCode::usage,
              "npy cannot store sparse token weights: use --to parquet or --to jsonl");
}

}  // namespace

std::array<std::byte, kNpyHeaderBytes> npy_header(std::string_view dtype, std::uint64_t rows,
                                                  std::uint64_t columns) {
  std::string text(kMagic);
  text += static_cast<char>(kNpyHeaderBytes - kTextStart);
  text += '\0';
  text += fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", dtype,
                      shape_text(rows, columns));
  text.resize(kNpyHeaderBytes - 1, ' ');
  text += '\n';
  std::array<std::byte, kNpyHeaderBytes> header;
  std::memcpy(header.data(), text.data(), header.size());
  return header;
}

std::array<std::byte, kNpyHeaderBytes> npy_vectors_header(const OutputSpec& spec,
                                                          std::uint64_t vectors) {
  const std::uint64_t columns = spec.type == OutputType::binary ? spec.vector_bytes() : spec.dims;
  return npy_header(dtype_of(spec.type), vectors, columns);
}

NpyShape read_npy_header(const RandomBytes& file) {
  std::array<std::byte, kNpyHeaderBytes> header;
  file.read_at(0, header);
  const std::string_view text(reinterpret_cast<const char*>(header.data()), header.size());
  NpyShape shape;
  for (const std::string_view dtype : {"<f4", "<f2", "|i1", "|u1", "<i8"}) {
    const std::size_t found = text.find(dtype);
    if (found == std::string_view::npos) continue;
    shape.dtype = dtype;
    constexpr std::string_view kShape = "'shape': (";
    std::string_view rest = text.substr(std::min(text.find(kShape), text.size() - kShape.size()));
    rest.remove_prefix(kShape.size());
    shape.rows = take_number(rest);
    if (rest.starts_with(", ")) {
      rest.remove_prefix(2);
      shape.columns = take_number(rest);
    }
    // Whatever was parsed: it must be what this program writes, to the byte.
    if (npy_header(shape.dtype, shape.rows, shape.columns) == header) return shape;
  }
  throw Error(ExitCode::failed, "{}: not an .npy file written by embedtool; encode again",
              file.name());
}

// The header stands first and holds the shape, which is known last: zeros now, patched by finish().
NpyFiles::NpyFiles(const Directory& directory, NpyNames names, const OutputSpec& spec)
    : spec_(dense_only(spec)),
      names_(std::move(names)),
      json_(spec),
      vectors_file_(directory, names_.vectors),
      ids_file_(directory, names_.ids) {
  parquet::check_spec(spec);
  vectors_file_.write(npy_vectors_header(spec_, 0));
  if (spec_.kind != RowKind::multi) return;
  offsets_file_ = std::make_unique<DurableFile>(directory, names_.offsets);
  offsets_file_->write(npy_header("<i8", 0, 0));
  const std::int64_t zero = 0;
  offsets_file_->write(std::as_bytes(std::span(&zero, 1)));
}

void NpyFiles::write(const EmbeddingBlock& block) {
  if (spec_.kind == RowKind::multi) {
    write_offsets(block);
  } else {
    vectors_file_.write(block.vectors);
    vectors_ += block.rows.size();
  }
  for (std::size_t row = 0; row < block.rows.size(); ++row) {
    json_.append_id_line(lines_, block, row);
    if (lines_.size() < kLinesFlush && row + 1 < block.rows.size()) continue;
    ids_file_.write(lines_);
    lines_.clear();
  }
  rows_ += block.rows.size();
}

// A block's offsets index its own vectors; the file's, all vectors before it.
void NpyFiles::write_offsets(const EmbeddingBlock& block) {
  if (block.rows.empty()) return;
  const std::uint64_t first = block.offsets.front();
  offsets_.clear();
  for (std::size_t row = 0; row < block.rows.size(); ++row) {
    offsets_.push_back(static_cast<std::int64_t>(vectors_ + block.offsets[row + 1] - first));
  }
  offsets_file_->write(std::as_bytes(std::span(offsets_)));
  const std::size_t size = spec_.vector_bytes();
  const std::uint64_t count = block.offsets.back() - first;
  vectors_file_.write(block.vectors.subspan(first * size, count * size));
  vectors_ += count;
}

// The vectors come last: who waits for them finds the ids there.
std::vector<FileEntry> NpyFiles::finish() {
  std::vector<FileEntry> files;
  const auto publish = [&](DurableFile& file, const std::string& name) {
    const FileDigest digest = file.publish();
    files.push_back({name, digest.bytes, digest.hash});
  };
  publish(ids_file_, names_.ids);
  if (offsets_file_) {
    offsets_file_->patch(0, npy_header("<i8", rows_ + 1, 0));
    publish(*offsets_file_, names_.offsets);
  }
  vectors_file_.patch(0, npy_vectors_header(spec_, vectors_));
  publish(vectors_file_, names_.vectors);
  return files;
}

std::uint64_t NpyFiles::bytes() const {
  const std::uint64_t offsets = offsets_file_ ? offsets_file_->size() : 0;
  return vectors_file_.size() + ids_file_.size() + offsets;
}

}  // namespace embedtool
