#pragma once

#include <cstddef>
#include <cstring>

namespace embedtool::arrow {

/// Element `index`, which there is, of a verified vector of structs or numbers, as a copy: the
/// verifier of Flatbuffers does not see to it that such elements are aligned.
template <typename Element, typename Vector>
Element element_of(const Vector& vector, std::size_t index) {
  Element element;
  std::memcpy(&element, vector.Data() + index * sizeof(Element), sizeof element);
  return element;
}

}  // namespace embedtool::arrow
