#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "core/base/check.hpp"

namespace embedtool {

/// Cache line and widest vector: what kernels' buffers are aligned to.
inline constexpr std::size_t kAlignment = 64;

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) {
  EMBEDTOOL_CHECK(multiple > 0);
  return (n + multiple - 1) / multiple * multiple;
}

inline bool is_aligned(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % kAlignment == 0;
}

/// A zero-initialised, aligned array that grows but never shrinks. Growing drops the contents:
/// a workspace that is filled anew for every batch. Not thread-safe.
template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) { reserve(size); }

  /// Makes room for at least `size` elements; the contents survive only if no growth was needed.
  T* reserve(std::size_t size) {
    if (size > capacity_) {
      data_.reset();
      const std::size_t bytes = bytes_for(size);
      data_.reset(static_cast<T*>(::operator new(bytes, std::align_val_t(kAlignment))));
      std::memset(static_cast<void*>(data_.get()), 0, bytes);
      capacity_ = size;
    }
    return data_.get();
  }

  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  std::size_t capacity() const { return capacity_; }
  /// Bytes that are allocated, and that an empty buffer would allocate for `size` elements.
  std::size_t bytes() const { return bytes_for(capacity_); }
  static constexpr std::size_t bytes_for(std::size_t size) {
    return round_up(size * sizeof(T), kAlignment);
  }

 private:
  struct Free {
    void operator()(T* p) const { ::operator delete(p, std::align_val_t(kAlignment)); }
  };
  std::unique_ptr<T, Free> data_;
  std::size_t capacity_ = 0;
};

/// Memory that vectors hold for their elements, used or not.
template <typename... T>
std::size_t capacity_bytes(const std::vector<T>&... vectors) {
  return (std::size_t{0} + ... + (vectors.capacity() * sizeof(T)));
}

/// Memory of this process as the operating system reports it, in bytes; 0 if it does not.
struct ProcessMemory {
  std::uint64_t resident = 0;
  std::uint64_t resident_file = 0;  ///< of it, mapped from files: program, libraries, model
  std::uint64_t peak_resident = 0;
};
ProcessMemory process_memory();

/// The most memory that this process' control groups grant, in bytes; 0 = no limit.
std::uint64_t cgroup_memory();

}  // namespace embedtool
