#pragma once

// Views of row-major matrices. Eigen gives them shape, stride and arithmetic; it is included here
// only, and never in files that are compiled for several instruction sets: its inline functions
// would be compiled for the wrong one.

#include <Eigen/Core>

#include <cstddef>
#include <type_traits>

#include "core/base/check.hpp"

namespace embedtool {

template <typename T>
using RowMajorMatrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <typename T>
using RowMajorMap =
    Eigen::Map<std::conditional_t<std::is_const_v<T>, const RowMajorMatrix<std::remove_const_t<T>>,
                                  RowMajorMatrix<T>>,
               Eigen::Unaligned, Eigen::OuterStride<>>;

/// A view of [height, width] elements, rows stride() apart. Copying a view copies no elements, so
/// views are passed by value; the memory must outlive them.
template <typename T>
class MatrixView : public RowMajorMap<T> {
 public:
  MatrixView(T* data, std::size_t height, std::size_t width, std::size_t stride)
      : RowMajorMap<T>(data, index(height), index(width), Eigen::OuterStride<>(index(stride))),
        data_(data) {}
  MatrixView(T* data, std::size_t height, std::size_t width)
      : MatrixView(data, height, width, width) {}
  /// A writable view as a read-only one.
  template <typename U>
  requires(!std::is_const_v<U> && std::is_same_v<const U, T>) MatrixView(MatrixView<U> other)
      : MatrixView(other.data(), other.height(), other.width(), other.stride()) {}
  MatrixView(const MatrixView&) = default;
  MatrixView& operator=(const MatrixView&) = delete;  // Eigen would copy the elements

  std::size_t height() const { return static_cast<std::size_t>(this->rows()); }
  std::size_t width() const { return static_cast<std::size_t>(this->cols()); }
  std::size_t stride() const { return static_cast<std::size_t>(this->outerStride()); }
  bool contiguous() const { return stride() == width(); }

  /// A view's constness does not extend to the elements, as with std::span.
  T* data() const { return data_; }
  T* row_data(std::size_t row) const { return data_ + row * stride(); }
  /// Rows [first, first + count).
  MatrixView rows_from(std::size_t first, std::size_t count) const {
    EMBEDTOOL_CHECK(first + count <= height());
    return {row_data(first), count, width(), stride()};
  }
  /// Columns [first, first + count).
  MatrixView columns_from(std::size_t first, std::size_t count) const {
    EMBEDTOOL_CHECK(first + count <= width());
    return {data_ + first, height(), count, stride()};
  }

 private:
  static Eigen::Index index(std::size_t n) { return static_cast<Eigen::Index>(n); }

  T* data_;
};

using Matrix = MatrixView<float>;
using ConstMatrix = MatrixView<const float>;

}  // namespace embedtool
