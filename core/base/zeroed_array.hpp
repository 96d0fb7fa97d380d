#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <type_traits>

namespace embedtool {

/// A fixed number of T whose bytes are zero at first. Pages that are never touched take no memory,
/// so that a large table costs a short run nothing. Indices are not checked.
template <typename T>
class ZeroedArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  /// Throws std::bad_alloc.
  explicit ZeroedArray(std::size_t size) : memory_(std::calloc(size + 1, sizeof(T))) {
    if (memory_ == nullptr) throw std::bad_alloc();
    void* begin = memory_.get();
    std::size_t room = (size + 1) * sizeof(T);
    items_ = static_cast<T*>(std::align(alignof(T), size * sizeof(T), begin, room));
  }

  T& operator[](std::size_t i) { return items_[i]; }
  const T& operator[](std::size_t i) const { return items_[i]; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  T* items_;
};

}  // namespace embedtool
