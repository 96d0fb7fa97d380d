// Files of vectors alone: fvecs, bvecs and Faiss indexes.
#include <span>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "formats/io/append_bytes.hpp"
#include "formats/output/export_formats.hpp"
#include "formats/output/shard_values.hpp"

namespace embedtool {
namespace {

template <typename T>
void append(std::vector<std::byte>& out, std::span<const T> values) {
  append_bytes(out, std::as_bytes(values));
}

template <typename T>
void append(std::vector<std::byte>& out, T value) {
  append(out, std::span<const T>(&value, 1));
}

[[noreturn]] void refuse(const std::string& name, const char* what, const char* format,
                         const char* remedy) {
  throw Error(ExitCode::usage, "{}: {}, which {} cannot store; {}", name, what, format, remedy);
}

void refuse_sparse(const OutputSpec& spec, const std::string& name, const char* format) {
  if (spec.kind != RowKind::sparse) return;
  refuse(name, "a sparse output holds token weights", format, "export to jsonl, csv or parquet");
}

class FvecsWriter final : public RowWriter {
 public:
  FvecsWriter(const OutputSpec& spec, ByteSink& out) : spec_(spec), out_(out) {}

  void write(const EmbeddingBlock& block) override {
    const std::size_t size = spec_.vector_bytes();
    values_.resize(spec_.dims);
    bytes_.clear();
    for (std::size_t at = 0; at < block.vectors.size(); at += size) {
      values_of(spec_, block.vectors.data() + at, 1, values_.data());
      append(bytes_, static_cast<std::int32_t>(spec_.dims));
      append(bytes_, std::span<const float>(values_));
    }
    out_.write(bytes_);
  }

 private:
  OutputSpec spec_;
  ByteSink& out_;
  std::vector<float> values_;
  std::vector<std::byte> bytes_;
};

class BvecsWriter final : public RowWriter {
 public:
  BvecsWriter(const OutputSpec& spec, ByteSink& out) : spec_(spec), out_(out) {}

  // Bytes are unsigned there: -128 … 127 becomes 0 … 255, which leaves distances as they are.
  void write(const EmbeddingBlock& block) override {
    const std::size_t size = spec_.vector_bytes();
    const std::byte shift{spec_.type == OutputType::int8 ? std::uint8_t{0x80} : std::uint8_t{0}};
    bytes_.clear();
    for (std::size_t at = 0; at < block.vectors.size(); at += size) {
      append(bytes_, static_cast<std::int32_t>(size));
      for (const std::byte value : block.vectors.subspan(at, size)) {
        bytes_.push_back(value ^ shift);
      }
    }
    out_.write(bytes_);
  }

 private:
  OutputSpec spec_;
  ByteSink& out_;
  std::vector<std::byte> bytes_;
};

class FaissWriter final : public RowWriter {
 public:
  FaissWriter(const OutputSpec& spec, std::uint64_t rows, ByteSink& out) : spec_(spec), out_(out) {
    constexpr std::uint8_t kTrained = 1;
    const bool binary = spec_.type == OutputType::binary;
    out_.write(std::as_bytes(std::span(std::string_view(binary ? "IBxF" : "IxFI"))));
    put(static_cast<std::int32_t>(spec_.dims));
    if (binary) {
      put(static_cast<std::int32_t>(spec_.vector_bytes()));
      put(static_cast<std::int64_t>(rows));
      put(kTrained);
      put(std::int32_t{1});  // METRIC_L2, as Faiss' own; distances are Hamming's
      put(rows * spec_.vector_bytes());
    } else {
      put(static_cast<std::int64_t>(rows));
      for (int unused = 0; unused < 2; ++unused) put(std::int64_t{1} << 20);
      put(kTrained);
      put(std::int32_t{0});  // METRIC_INNER_PRODUCT
      put(rows * spec_.dims);
    }
  }

  void write(const EmbeddingBlock& block) override {
    if (spec_.type == OutputType::f32 || spec_.type == OutputType::binary) {
      return out_.write(block.vectors);
    }
    const std::size_t count = block.vectors.size() / spec_.vector_bytes();
    values_.resize(count * spec_.dims);
    values_of(spec_, block.vectors.data(), count, values_.data());
    out_.write(std::as_bytes(std::span(values_)));
  }

 private:
  template <typename T>
  void put(T value) {
    out_.write(std::as_bytes(std::span(&value, 1)));
  }

  OutputSpec spec_;
  ByteSink& out_;
  std::vector<float> values_;
};

}  // namespace

std::unique_ptr<RowWriter> open_fvecs(const OutputSpec& spec, ByteSink& out,
                                      const std::string& name) {
  refuse_sparse(spec, name, "fvecs");
  return std::make_unique<FvecsWriter>(spec, out);
}

std::unique_ptr<RowWriter> open_bvecs(const OutputSpec& spec, ByteSink& out,
                                      const std::string& name) {
  refuse_sparse(spec, name, "bvecs");
  if (spec.type == OutputType::f32 || spec.type == OutputType::f16) {
    refuse(name, "the output holds floating-point numbers", "bvecs",
           "export to fvecs, or encode with --dtype int8 or binary");
  }
  return std::make_unique<BvecsWriter>(spec, out);
}

std::unique_ptr<RowWriter> open_faiss(const OutputSpec& spec, std::uint64_t rows, ByteSink& out,
                                      const std::string& name) {
  refuse_sparse(spec, name, "a Faiss index");
  if (spec.kind == RowKind::multi) {
    refuse(name, "a multi-vector output holds several vectors a row", "a flat Faiss index",
           "export to npy, whose offsets say which vectors are a row's");
  }
  if (spec.type == OutputType::binary && spec.dims % 8 != 0) {
    refuse(name, "its vectors do not fill whole bytes", "a Faiss index", "export to npy");
  }
  return std::make_unique<FaissWriter>(spec, rows, out);
}

}  // namespace embedtool
