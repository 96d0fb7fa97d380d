// The native backend: weights packed into panels, register-blocked kernels of our own (panel.hpp).
// It reaches the peak that oneDNN reaches (bench/), computes any number of rows without padding,
// and calls nothing that allocates.
#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/check.hpp"
#include "core/base/error.hpp"
#include "core/base/memory.hpp"
#include "core/math/gemm_backends.hpp"
#include "core/math/kernels.hpp"
#include "core/math/panel.hpp"

namespace embedtool {
namespace {

/// Rows that a panel is multiplied with while it lies in L2. Fewer would read the weights, which
/// come from L3 or memory, too often; more would push the panel out.
constexpr std::size_t kStripRows = 64;

/// Strips of about kStripRows, of equal length, so that no short last one pays for a whole pass
/// over the weights. At most 1.5 kStripRows.
std::size_t strip_rows(std::size_t rows) {
  const std::size_t strips = std::max<std::size_t>(1, (rows + kStripRows / 2) / kStripRows);
  return round_up((rows + strips - 1) / strips, 8);
}
constexpr std::size_t kMaxStripRows = kStripRows * 3 / 2;

class NativeLinear final : public LinearLayer {
 public:
  NativeLinear(const LinearParams& p, PanelKernel kernel)
      : in_(p.in),
        out_(p.out),
        activation_(p.activation),
        kernel_(std::move(kernel)),
        words_((p.in + group_of(kernel_.format) - 1) / group_of(kernel_.format)),
        panels_((p.out + kernel_.columns - 1) / kernel_.columns),
        row_units_(words_ * units_of(kernel_.format)),
        weights_(panels_ * row_units_ * kernel_.columns),
        bias_(panels_ * kernel_.columns) {
    if (p.bias != nullptr) std::copy_n(p.bias, p.out, bias_.data());
    if (is_integer(kernel_.format)) {
      column_scale_.resize(panels_ * kernel_.columns);
      column_sum_.resize(panels_ * kernel_.columns);
    }
    if (kernel_.format == WordFormat::s8x4) shift_.resize(panels_ * kernel_.columns);
    std::vector<std::uint32_t> rows(kernel_.columns * row_units_);
    for (std::size_t p0 = 0; p0 < out_; p0 += kernel_.columns) pack_panel(p0, p.weight, rows);
  }

  void forward(const float* x, std::size_t rows, float* y, std::byte* scratch) const override {
    EMBEDTOOL_CHECK(scratch_bytes() == 0 || is_aligned(scratch));
    const std::size_t strip = strip_rows(rows);
    for (std::size_t r = 0; r < rows; r += strip) {
      multiply_strip(x + r * in_, std::min(strip, rows - r), y + r * out_, scratch);
    }
  }

  std::size_t scratch_bytes() const override {
    if (kernel_.pack_input == nullptr) return 0;
    const std::size_t rows = kMaxStripRows + (is_woven(kernel_.format) ? 1 : 0);  // see pack_rows
    return kMaxStripRows * sizeof(RowScale) + rows * row_units_ * sizeof(std::uint32_t);
  }

  std::size_t owned_bytes() const override {
    return weights_.bytes() +
           (bias_.size() + column_scale_.size() + column_sum_.size()) * sizeof(float) +
           shift_.size() * sizeof(std::int32_t);
  }

 private:
  /// Packs the weights of the outputs from `first` on, rows of the checkpoint's matrix, into the
  /// columns of a panel; `rows` is scratch.
  void pack_panel(std::size_t first, const float* weight, std::vector<std::uint32_t>& rows) {
    const std::size_t columns = std::min(kernel_.columns, out_ - first);
    for (std::size_t c = 0; c < columns; ++c) {
      pack_output(first + c, weight + (first + c) * in_, rows.data() + c * row_units_);
    }
    // A cache line of every row at a time.
    constexpr std::size_t kLine = 16;
    const std::size_t units = units_of(kernel_.format);
    std::uint32_t* panel = weights_.data() + first * row_units_;
    for (std::size_t u0 = 0; u0 < row_units_; u0 += kLine) {
      for (std::size_t c = 0; c < columns; ++c) {
        const std::uint32_t* row = rows.data() + c * row_units_;
        for (std::size_t u = u0; u < std::min(u0 + kLine, row_units_); ++u) {
          panel[(u / units * kernel_.columns + c) * units + u % units] = row[u];
        }
      }
    }
  }

  void pack_output(std::size_t o, const float* weight, std::uint32_t* row) {
    if (kernel_.pack_weight == nullptr) {
      std::memcpy(row, weight, in_ * sizeof(float));
      return;
    }
    const RowScale packed = kernel_.pack_weight(weight, in_, row);
    if (!is_integer(kernel_.format)) return;
    const std::int32_t sum = packed_sum(kernel_.format, row, in_);
    column_scale_[o] = packed.scale;
    column_sum_[o] = packed.scale * static_cast<float>(sum);
    if (!shift_.empty()) shift_[o] = kSignedShift * sum;
  }

  /// Packs a strip's rows into `words`. Woven rows are first packed behind the strip.
  void pack_rows(const float* x, std::size_t rows, std::uint32_t* words, RowScale* scales) const {
    if (!is_woven(kernel_.format)) {
      for (std::size_t r = 0; r < rows; ++r) {
        scales[r] = kernel_.pack_input(x + r * in_, in_, words + r * row_units_);
      }
      return;
    }
    std::uint32_t* const plain = words + round_up(rows, 2) * row_units_;
    for (std::size_t r = 0; r < rows; ++r) {
      scales[r] = kernel_.pack_input(x + r * in_, in_, plain);
      weave(plain, words + (r - r % 2) * row_units_, r % 2);
    }
    if (rows % 2 == 0) return;
    std::fill_n(plain, row_units_, 0U);
    weave(plain, words + (rows - 1) * row_units_, 1);
  }

  /// Puts a row into its place (0 or 1) in a pair of woven rows.
  void weave(const std::uint32_t* row, std::uint32_t* pair, std::size_t place) const {
    constexpr std::size_t kUnits = units_of(WordFormat::i8x8);
    for (std::size_t u = 0; u < row_units_; u += kUnits) {
      std::memcpy(pair + 2 * u + place * kUnits, row + u, kUnits * sizeof(std::uint32_t));
    }
  }

  void multiply_strip(const float* x, std::size_t rows, float* y, std::byte* scratch) const {
    const void* packed = x;
    std::size_t stride = in_;
    auto* scales = reinterpret_cast<RowScale*>(scratch);
    if (kernel_.pack_input != nullptr) {
      auto* words = reinterpret_cast<std::uint32_t*>(scratch + kMaxStripRows * sizeof(RowScale));
      pack_rows(x, rows, words, scales);
      packed = words;
      stride = words_;
    }
    for (std::size_t p = 0; p < panels_; ++p) {
      const std::size_t first = p * kernel_.columns;
      const std::size_t used = std::min(kernel_.columns, out_ - first);
      // Only integers have scales and sums.
      const float* scale = column_scale_.empty() ? nullptr : column_scale_.data() + first;
      const float* sum = column_sum_.empty() ? nullptr : column_sum_.data() + first;
      const std::int32_t* shift = shift_.empty() ? nullptr : shift_.data() + first;
      kernel_.multiply({packed, stride, rows, in_, words_, weights_.data() + first * row_units_,
                        bias_.data() + first, scales, scale, sum, shift, y + first, out_, used});
      // While the strip's columns are in L1.
      if (activation_ != Activation::identity) {
        bias_activate({y + first, out_, rows, used, nullptr, activation_});
      }
    }
  }

  std::size_t in_;
  std::size_t out_;
  Activation activation_;
  PanelKernel kernel_;
  std::size_t words_;
  std::size_t panels_;
  std::size_t row_units_;          ///< of 32 bits in a row of words
  Buffer<std::uint32_t> weights_;  ///< [panels, words, columns], zeros behind the last column
  std::vector<float> bias_;
  std::vector<float> column_scale_;
  std::vector<float> column_sum_;
  std::vector<std::int32_t> shift_;
};

class NativeBackend final : public GemmBackend {
 public:
  std::string_view name() const override { return "native"; }
  std::string kernels(Compute compute) const override { return panel_kernel(compute).instructions; }
  std::string unavailable(Compute compute) const override {
    if (panel_kernel(compute).multiply != nullptr) return "";
    return fmt::format("this CPU (or the forced instruction set) has no instructions for {}",
                       name_of(compute));
  }
  bool yields([[maybe_unused]] Compute compute) const override {
#ifdef EMBEDTOOL_ONEDNN
    // oneDNN's kernels know AMX' tiles.
    return compute != Compute::f32 && onednn_backend().unavailable(compute).empty() &&
           onednn_uses_amx();
#else
    return false;
#endif
  }
  bool saves_only_memory(Compute compute) const override {
    return panel_kernel(compute).format == WordFormat::bf16x2_widened;
  }
  std::size_t row_block() const override {
    return 1;
  }
  std::unique_ptr<LinearLayer> make_linear(const LinearParams& params) const override {
    return std::make_unique<NativeLinear>(params, panel_kernel(params.compute));
  }
};

}  // namespace

const GemmBackend& native_backend() {
  static const NativeBackend backend;
  return backend;
}

}  // namespace embedtool
