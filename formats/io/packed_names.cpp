#include "formats/io/packed_names.hpp"

#include <algorithm>

#include "core/base/check.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kBlock = 16;

}  // namespace

/// Seven bits a byte, the lowest first (LEB128).
void PackedNames::put_number(std::size_t number) {
  for (; number >= 0x80; number >>= 7U) data_ += static_cast<char>((number & 0x7fU) | 0x80U);
  data_ += static_cast<char>(number);
}

std::size_t PackedNames::take_number(std::size_t& at) const {
  std::size_t number = 0;
  for (unsigned shift = 0;; shift += 7) {
    const auto byte = static_cast<unsigned char>(data_[at++]);
    number |= std::size_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return number;
  }
}

void PackedNames::add(std::string_view name) {
  std::size_t shared = 0;
  if (size_ % kBlock == 0) {
    starts_.push_back(data_.size());
  } else {
    const auto [a, b] = std::mismatch(name.begin(), name.end(), last_.begin(), last_.end());
    shared = static_cast<std::size_t>(a - name.begin());
  }
  put_number(shared);
  put_number(name.size() - shared);
  data_ += name.substr(shared);
  last_ = name;
  ++size_;
}

std::string PackedNames::at(std::size_t index) const {
  EMBEDTOOL_CHECK(index < size_);
  std::size_t at = starts_[index / kBlock];
  std::string name;
  for (std::size_t i = 0; i <= index % kBlock; ++i) {
    name.resize(take_number(at));
    const std::size_t rest = take_number(at);
    name.append(data_, at, rest);
    at += rest;
  }
  return name;
}

}  // namespace embedtool
