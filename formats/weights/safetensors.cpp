#include "formats/weights/safetensors.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"

namespace embedtool {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "tensors are read in place");

// The reference implementation takes headers up to 100 MB; but a parsed header needs up to thirty
// times its bytes, and that of a model with 50 000 tensors has 6 MB.
constexpr std::uint64_t kMaxHeader = std::uint64_t{16} << 20;
constexpr std::size_t kLengthBytes = 8;
constexpr std::size_t kMaxRank = 16;

struct KnownType {
  std::string_view name;
  DType type;
};
constexpr std::array<KnownType, 11> kKnownTypes{{{"F32", DType::f32},
                                                 {"F16", DType::f16},
                                                 {"BF16", DType::bf16},
                                                 {"I8", DType::i8},
                                                 {"U8", DType::u8},
                                                 {"I32", DType::i32},
                                                 {"I64", DType::i64},
                                                 {"F64", DType::f64},
                                                 {"BOOL", DType::boolean},
                                                 {"F8_E4M3", DType::f8_e4m3},
                                                 {"F8_E5M2", DType::f8_e5m2}}};

std::optional<DType> known_type(std::string_view name) {
  const auto* const found = std::find_if(kKnownTypes.begin(), kKnownTypes.end(),
                                         [&](const KnownType& t) { return t.name == name; });
  if (found == kKnownTypes.end()) return std::nullopt;
  return found->type;
}

// What the header says of one tensor, types checked, values not yet.
struct Declared {
  std::string name;
  std::string type;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

std::vector<std::uint64_t> unsigned_list(const json& entry, const char* key,
                                         const std::string& where, const std::string& name) {
  const auto list = entry.find(key);
  std::vector<std::uint64_t> out;
  bool good = list != entry.end() && list->is_array();
  if (good) {
    for (const json& item : *list) {
      good = good && item.is_number_unsigned();
      if (good) out.push_back(item.get<std::uint64_t>());
    }
  }
  if (!good) {
    throw Error(ExitCode::model, "{}: tensor '{}': '{}' should be a list of sizes", where, name,
                key);
  }
  return out;
}

Declared read_entry(const std::string& name, const json& entry, const std::string& where) {
  const bool object = entry.is_object();
  const auto type = object ? entry.find("dtype") : entry.end();
  if (!object || type == entry.end() || !type->is_string()) {
    throw Error(ExitCode::model, "{}: tensor '{}' has no 'dtype'", where, name);
  }
  Declared out{name, type->get<std::string>(), unsigned_list(entry, "shape", where, name), 0, 0};
  const auto offsets = unsigned_list(entry, "data_offsets", where, name);
  if (offsets.size() != 2 || offsets[0] > offsets[1]) {
    throw Error(ExitCode::model, "{}: tensor '{}': 'data_offsets' should be [begin, end]", where,
                name);
  }
  if (out.shape.size() > kMaxRank) {
    throw Error(ExitCode::model, "{}: tensor '{}' has {} dimensions, more than {}", where, name,
                out.shape.size(), kMaxRank);
  }
  out.begin = offsets[0];
  out.end = offsets[1];
  return out;
}

// Bytes of a tensor of that type and shape; nothing when that overflows.
std::optional<std::uint64_t> bytes_of(DType type, const std::vector<std::uint64_t>& shape) {
  std::uint64_t bytes = size_of(type);
  for (const std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(bytes, extent, &bytes)) return std::nullopt;
    // An extent must survive as a signed number even beside a zero extent.
    if (extent > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
      return std::nullopt;
    }
  }
  return bytes;
}

// Splits a file into its header (as text) and its data.
struct Parts {
  std::string_view header;
  std::span<const std::byte> data;
};

Parts split(std::span<const std::byte> bytes, const std::string& where) {
  std::uint64_t length = 0;
  if (bytes.size() < kLengthBytes) {
    throw Error(ExitCode::model, "{}: {} bytes are too few for a safetensors file", where,
                bytes.size());
  }
  std::memcpy(&length, bytes.data(), kLengthBytes);
  const std::span<const std::byte> rest = bytes.subspan(kLengthBytes);
  if (length > kMaxHeader) {
    throw Error(ExitCode::model,
                "{}: not a safetensors file: its header would take {} bytes (the limit is {})",
                where, length, kMaxHeader);
  }
  if (length > rest.size()) {
    throw Error(
        ExitCode::model,
        "{}: truncated inside the header ({} bytes announced, {} present); download it again",
        where, length, rest.size());
  }
  const std::string_view header = as_chars(rest.first(length));
  if (header.empty() || header.front() != '{') {
    throw Error(ExitCode::model, "{}: not a safetensors file: the header does not start with '{{'",
                where);
  }
  return {header, rest.subspan(length)};
}

std::vector<Declared> read_header(std::string_view header, const std::string& where) {
  const JsonLimits limits{.bytes = kMaxHeader, .depth = 8, .unique_keys = true};
  const json document = parse_json(header, where, limits);
  std::vector<Declared> out;
  out.reserve(document.size());
  for (const auto& [name, entry] : document.items()) {
    if (name != "__metadata__") out.push_back(read_entry(name, entry, where));
  }
  std::sort(out.begin(), out.end(), [](const Declared& a, const Declared& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  return out;
}

// The format wants the tensors to cover the data exactly; a file that does not is damaged or made
// to smuggle something.
void check_cover(const std::vector<Declared>& tensors, std::uint64_t size,
                 const std::string& where) {
  std::uint64_t at = 0;
  for (const Declared& tensor : tensors) {
    if (tensor.begin != at) {
      throw Error(
          ExitCode::model, "{}: tensor '{}' begins at byte {} of the data, {} {}", where,
          tensor.name, tensor.begin,
          tensor.begin < at ? "inside the previous one, which ends at" : "leaving a gap after byte",
          at);
    }
    at = tensor.end;
    if (at > size) {
      throw Error(ExitCode::model,
                  "{}: truncated: tensor '{}' ends at byte {} of the data, but there are only {}; "
                  "download it again",
                  where, tensor.name, at, size);
    }
  }
  if (at != size) {
    throw Error(ExitCode::model, "{}: {} bytes after the last tensor", where, size - at);
  }
}

}  // namespace

void SafetensorsWeights::add_file(std::span<const std::byte> bytes, const std::string& where) {
  const Parts parts = split(bytes, where);
  const std::vector<Declared> tensors = read_header(parts.header, where);
  check_cover(tensors, parts.data.size(), where);
  for (const Declared& tensor : tensors) {
    const auto [at, fresh] = entries_.try_emplace(tensor.name);
    Entry& entry = at->second;
    if (!fresh) {
      throw Error(ExitCode::model, "{}: tensor '{}' is also in {}", where, tensor.name,
                  entry.where);
    }
    entry.where = where;
    entry.view.name = tensor.name;
    const std::uint64_t size = tensor.end - tensor.begin;
    if (const auto type = known_type(tensor.type); type.has_value()) {
      if (bytes_of(*type, tensor.shape) != size) {
        throw Error(ExitCode::model, "{}: tensor '{}': {} bytes do not fit {} of shape [{}]", where,
                    tensor.name, size, tensor.type, fmt::join(tensor.shape, ", "));
      }
      entry.view.dtype = *type;
      entry.view.shape.assign(tensor.shape.begin(), tensor.shape.end());
    } else {
      entry.unknown_type = tensor.type;
    }
    entry.view.bytes = parts.data.subspan(tensor.begin, size);
  }
}

const TensorView* SafetensorsWeights::find(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return nullptr;
  const Entry& entry = found->second;
  if (entry.unknown_type.has_value()) {
    throw Error(ExitCode::model,
                "{}: tensor '{}' is stored as {}, which is not supported; convert the model to "
                "F32, F16 or BF16",
                entry.where, name, *entry.unknown_type);
  }
  return &entry.view;
}

std::vector<std::string_view> SafetensorsWeights::names() const {
  std::vector<std::string_view> out;
  out.reserve(entries_.size());
  for (const auto& [name, entry] : entries_) out.push_back(name);
  return out;
}

}  // namespace embedtool
