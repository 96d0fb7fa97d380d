#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace embedtool {

/// A UUID's bytes, in the order in which they are written.
using Uuid = std::array<std::uint8_t, 16>;

/// The UUID that `text` writes as 8-4-4-4-12 hexadecimal digits, if it is one.
std::optional<Uuid> uuid_of(std::string_view text);
/// The UUID of version 5 (RFC 9562) for a name in the name space of URLs: what Python's
/// uuid.uuid5(uuid.NAMESPACE_URL, name) makes.
Uuid name_uuid(std::string_view name);
/// In lower case.
std::string uuid_text(const Uuid& uuid);

}  // namespace embedtool
