#include "core/model/workspace.hpp"

#include <algorithm>
#include <stdexcept>

namespace embedtool {
namespace {

template <typename T>
std::size_t bytes_for(const Buffer<T>&, std::size_t elements) {
  return Buffer<T>::bytes_for(elements);
}
template <typename T>
std::size_t bytes_for(const std::vector<T>&, std::size_t elements) {
  return elements * sizeof(T);
}

template <typename T>
std::size_t bytes_of(const Buffer<T>& buffer) {
  return buffer.bytes();
}
template <typename T>
std::size_t bytes_of(const std::vector<T>& buffer) {
  return buffer.capacity() * sizeof(T);
}

}  // namespace

std::size_t RowBatch::bytes() const {
  return bytes_of(vectors) + bytes_of(weights) + bytes_of(offsets);
}

void WorkspaceLayout::need(AnyBuffer buffer, std::size_t elements) {
  Entry* end = entries_.data() + count_;
  Entry* entry =
      std::find_if(entries_.data(), end, [&](const Entry& e) { return e.buffer == buffer; });
  if (entry == end) {
    if (count_ == kMost) throw std::logic_error("WorkspaceLayout::kMost is too small");
    *entry = {buffer, 0};
    ++count_;
  }
  entry->elements = std::max(entry->elements, elements);
}

std::size_t WorkspaceLayout::bytes() const {
  const Workspace empty;
  std::size_t bytes = 0;
  for (const Entry& entry : entries()) {
    bytes += std::visit([&](auto member) { return bytes_for(empty.*member, entry.elements); },
                        entry.buffer);
  }
  return bytes;
}

void WorkspaceLayout::reserve(Workspace& workspace) const {
  for (const Entry& entry : entries()) {
    std::visit(
        [&](auto member) {
          auto& buffer = workspace.*member;
          workspace.held_ -= bytes_of(buffer);
          buffer.reserve(entry.elements);
          workspace.held_ += bytes_of(buffer);
        },
        entry.buffer);
  }
}

std::size_t RowLayout::bytes() const {
  const RowBatch empty;
  return bytes_for(empty.vectors, vectors) + bytes_for(empty.weights, weights) +
         bytes_for(empty.offsets, rows + 1);
}

void RowLayout::reserve(RowBatch& batch) const {
  batch.vectors.reserve(vectors);
  batch.weights.reserve(weights);
  batch.offsets.reserve(rows + 1);
}

}  // namespace embedtool
