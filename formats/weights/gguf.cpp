#include "formats/weights/gguf.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "core/base/error.hpp"

namespace embedtool {
namespace {

static_assert(std::endian::native == std::endian::little, "values are read in place");

constexpr std::string_view kMagic = "GGUF";
constexpr std::uint64_t kMaxEntries = 1 << 20;  // keys, tensors; models in use have some hundred
constexpr std::uint32_t kMaxRank = 4;
constexpr std::uint64_t kMaxExtent = std::uint64_t{1} << 40U;
constexpr std::int64_t kDefaultAlignment = 32;
constexpr std::int64_t kMaxAlignment = 1 << 20;

enum ValueType : std::uint32_t {
  kUint8,
  kInt8,
  kUint16,
  kInt16,
  kUint32,
  kInt32,
  kFloat32,
  kBool,
  kString,
  kArray,
  kUint64,
  kInt64,
  kFloat64
};

/// Bytes of a value; 0 for those that have no fixed size, and for types that do not exist.
constexpr std::size_t value_bytes(std::uint32_t type) {
  constexpr std::array<std::size_t, 13> kBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < kBytes.size() ? kBytes.at(type) : 0;
}

struct TensorType {
  std::uint32_t number;
  const char* name;
  std::optional<DType> type;
};
// Types without a DType are there for messages.
constexpr std::array<TensorType, 19> kTensorTypes{{{0, "F32", DType::f32},
                                                   {1, "F16", DType::f16},
                                                   {2, "Q4_0", DType::q4_0},
                                                   {3, "Q4_1", DType::q4_1},
                                                   {6, "Q5_0", DType::q5_0},
                                                   {7, "Q5_1", DType::q5_1},
                                                   {8, "Q8_0", DType::q8_0},
                                                   {10, "Q2_K", {}},
                                                   {11, "Q3_K", {}},
                                                   {12, "Q4_K", DType::q4_k},
                                                   {13, "Q5_K", DType::q5_k},
                                                   {14, "Q6_K", DType::q6_k},
                                                   {20, "IQ4_NL", {}},
                                                   {23, "IQ4_XS", {}},
                                                   {24, "I8", DType::i8},
                                                   {26, "I32", DType::i32},
                                                   {27, "I64", DType::i64},
                                                   {28, "F64", DType::f64},
                                                   {30, "BF16", DType::bf16}}};

const TensorType* tensor_type(std::uint32_t number) {
  const auto* const found = std::find_if(kTensorTypes.begin(), kTensorTypes.end(),
                                         [=](const TensorType& t) { return t.number == number; });
  return found == kTensorTypes.end() ? nullptr : found;
}

template <typename T>
T value_at(std::span<const std::byte> bytes, std::uint64_t index) {
  T value;
  std::memcpy(&value, bytes.data() + index * sizeof value, sizeof value);
  return value;
}

}  // namespace

// Walks the header; every read is checked against what is left.
class GgufFile::Reader {
 public:
  Reader(std::span<const std::byte> bytes, const std::string& where) : all_(bytes), where_(where) {}

  std::span<const std::byte> take(std::uint64_t size) {
    if (size > all_.size() - at_) {
      throw Error(ExitCode::model,
                  "{}: truncated or damaged: the header extends beyond the file's {} bytes; "
                  "download it again",
                  where_, all_.size());
    }
    const auto taken = all_.subspan(at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
    return taken;
  }
  template <typename T>
  T number() {
    return value_at<T>(take(sizeof(T)), 0);
  }
  std::string_view string() {
    const auto bytes = take(number<std::uint64_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  std::uint64_t count(const char* what) {
    const auto n = number<std::uint64_t>();
    if (n <= kMaxEntries) return n;
    throw Error(ExitCode::model, "{}: claims {} {}", where_, n, what);
  }
  std::size_t at() const { return at_; }
  std::span<const std::byte> since(std::size_t begin) const {
    return all_.subspan(begin, at_ - begin);
  }
  /// More bytes than any file has.
  static constexpr std::uint64_t kTooMany = std::numeric_limits<std::uint64_t>::max();

 private:
  std::span<const std::byte> all_;
  const std::string& where_;
  std::size_t at_ = 0;
};

bool GgufFile::recognizes(std::span<const std::byte> bytes) {
  return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), 4) == 0;
}

GgufFile::GgufFile(std::span<const std::byte> bytes, std::string where, const FileSet* files)
    : where_(std::move(where)), files_(files) {
  if (!recognizes(bytes)) throw Error(ExitCode::model, "{}: not a GGUF file", where_);
  Reader reader(bytes, where_);
  reader.take(kMagic.size());
  const auto version = reader.number<std::uint32_t>();
  if (version != 2 && version != 3) {
    throw Error(ExitCode::model,
                "{}: GGUF version {} is not supported (2 and 3 are; a file for big-endian machines "
                "also looks like this)",
                where_, version);
  }
  const std::uint64_t tensors = reader.count("tensors");
  const std::uint64_t keys = reader.count("keys");
  for (std::uint64_t i = 0; i < keys; ++i) read_value(reader, reader.string());
  for (std::uint64_t i = 0; i < tensors; ++i) read_tensor(reader);
  const std::int64_t alignment = integer("general.alignment").value_or(kDefaultAlignment);
  if (alignment < 1 || alignment > kMaxAlignment) {
    throw Error(ExitCode::model, "{}: invalid alignment {}", where_, alignment);
  }
  const std::uint64_t step = static_cast<std::uint64_t>(alignment);
  const std::uint64_t begin = (reader.at() + step - 1) / step * step;
  // A file of a vocabulary alone may end before the data would begin.
  const auto data = begin <= bytes.size() ? bytes.subspan(static_cast<std::size_t>(begin))
                                          : std::span<const std::byte>();
  for (auto& [name, entry] : tensors_) place_tensor(entry, data);
}

void GgufFile::read_value(Reader& reader, std::string_view key) {
  Value value;
  value.type = reader.number<std::uint32_t>();
  if (value.type == kArray) {
    value.array = true;
    value.type = reader.number<std::uint32_t>();
    value.count = reader.number<std::uint64_t>();
  }
  if (value.type == kString) {
    const std::size_t begin = reader.at();
    for (std::uint64_t i = 0; i < value.count; ++i) reader.string();
    value.bytes = reader.since(begin);
  } else if (const std::size_t size = value_bytes(value.type); size > 0) {
    std::uint64_t bytes = 0;
    if (__builtin_mul_overflow(value.count, size, &bytes)) bytes = reader.kTooMany;
    value.bytes = reader.take(bytes);
  } else {
    throw Error(ExitCode::model, "{}: key '{}' has a value of an unsupported type ({})", where_,
                key, value.type);
  }
  if (!values_.try_emplace(key, value).second) {
    throw Error(ExitCode::model, "{}: key '{}' appears twice", where_, key);
  }
}

void GgufFile::read_tensor(Reader& reader) {
  Entry entry;
  entry.view.name = reader.string();
  const auto rank = reader.number<std::uint32_t>();
  if (rank < 1 || rank > kMaxRank) {
    throw Error(ExitCode::model, "{}: tensor '{}' has {} dimensions", where_, entry.view.name,
                rank);
  }
  for (std::uint32_t i = 0; i < rank; ++i) {
    const auto extent = reader.number<std::uint64_t>();
    if (extent > kMaxExtent) {
      throw Error(ExitCode::model, "{}: tensor '{}': invalid dimension {}", where_, entry.view.name,
                  extent);
    }
    entry.view.shape.insert(entry.view.shape.begin(), static_cast<std::int64_t>(extent));
  }
  const auto number = reader.number<std::uint32_t>();
  const TensorType* type = tensor_type(number);
  if (type != nullptr && type->type) {
    entry.view.dtype = *type->type;
  } else {
    entry.unknown_type = number;
  }
  entry.offset = reader.number<std::uint64_t>();
  std::string name = entry.view.name;
  const auto [at, fresh] = tensors_.try_emplace(std::move(name), std::move(entry));
  if (!fresh) throw Error(ExitCode::model, "{}: tensor '{}' appears twice", where_, at->first);
}

// How many bytes a type that is not read takes is not known: such a tensor stays without.
void GgufFile::place_tensor(Entry& entry, std::span<const std::byte> data) const {
  if (entry.unknown_type) return;
  TensorView& view = entry.view;
  const auto block = static_cast<std::int64_t>(block_layout(view.dtype).elements);
  if (view.shape.back() % block != 0) {
    throw Error(ExitCode::model, "{}: tensor '{}': rows of {} elements are not whole {} blocks",
                where_, view.name, view.shape.back(), name_of(view.dtype));
  }
  std::uint64_t elements = 1;
  bool fits = true;
  for (const std::int64_t extent : view.shape) {
    fits = fits && !__builtin_mul_overflow(elements, static_cast<std::uint64_t>(extent), &elements);
  }
  // An element takes half a byte or more, so this also keeps stored_bytes() from overflowing.
  fits = fits && elements / 2 <= data.size();
  const std::uint64_t size = fits ? stored_bytes(view.dtype, elements) : 0;
  if (!fits || entry.offset > data.size() || size > data.size() - entry.offset) {
    throw Error(
        ExitCode::model,
        "{}: truncated or damaged: tensor '{}' ends beyond the {} bytes of data; download it again",
        where_, view.name, data.size());
  }
  view.bytes = data.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(size));
}

void GgufFile::wrong_kind(std::string_view key, const char* wanted) const {
  throw Error(ExitCode::model, "{}: key '{}' should be {}", where_, key, wanted);
}

const GgufFile::Value* GgufFile::lookup(std::string_view key, bool array) const {
  const auto found = values_.find(key);
  if (found == values_.end()) return nullptr;
  if (found->second.array != array) wrong_kind(key, array ? "an array" : "one value");
  return &found->second;
}

bool GgufFile::holds_array(std::string_view key) const {
  const auto found = values_.find(key);
  return found != values_.end() && found->second.array;
}

namespace {

std::optional<std::int64_t> integer_of(std::uint32_t type, std::span<const std::byte> bytes,
                                       std::uint64_t index) {
  switch (type) {
    case kUint8:
    case kBool:
      return value_at<std::uint8_t>(bytes, index);
    case kInt8:
      return value_at<std::int8_t>(bytes, index);
    case kUint16:
      return value_at<std::uint16_t>(bytes, index);
    case kInt16:
      return value_at<std::int16_t>(bytes, index);
    case kUint32:
      return value_at<std::uint32_t>(bytes, index);
    case kInt32:
      return value_at<std::int32_t>(bytes, index);
    case kInt64:
      return value_at<std::int64_t>(bytes, index);
    case kUint64: {
      const auto value = value_at<std::uint64_t>(bytes, index);
      if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return {};
      return static_cast<std::int64_t>(value);
    }
    default:
      return {};
  }
}

std::optional<double> number_of(std::uint32_t type, std::span<const std::byte> bytes,
                                std::uint64_t index) {
  if (type == kFloat32) return value_at<float>(bytes, index);
  if (type == kFloat64) return value_at<double>(bytes, index);
  const auto integer = integer_of(type, bytes, index);
  if (!integer) return {};
  return static_cast<double>(*integer);
}

}  // namespace

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  const Value* value = lookup(key, false);
  if (value == nullptr) return {};
  const auto integer = integer_of(value->type, value->bytes, 0);
  if (!integer) wrong_kind(key, "an integer");
  return integer;
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const Value* value = lookup(key, false);
  if (value == nullptr) return {};
  const auto number = number_of(value->type, value->bytes, 0);
  if (!number) wrong_kind(key, "a number");
  return number;
}

std::optional<bool> GgufFile::boolean(std::string_view key) const {
  const Value* value = lookup(key, false);
  if (value == nullptr) return {};
  if (value->type != kBool) wrong_kind(key, "true or false");
  return value_at<std::uint8_t>(value->bytes, 0) != 0;
}

std::optional<std::string_view> GgufFile::text(std::string_view key) const {
  const Value* value = lookup(key, false);
  if (value == nullptr) return {};
  if (value->type != kString) wrong_kind(key, "a string");
  return Reader(value->bytes, where_).string();
}

std::vector<std::string_view> GgufFile::texts(std::string_view key) const {
  const Value* value = lookup(key, true);
  if (value == nullptr) return {};
  if (value->type != kString) wrong_kind(key, "an array of strings");
  Reader reader(value->bytes, where_);
  std::vector<std::string_view> out;
  for (std::uint64_t i = 0; i < value->count; ++i) out.push_back(reader.string());
  return out;
}

std::vector<std::int64_t> GgufFile::integers(std::string_view key) const {
  const Value* value = lookup(key, true);
  std::vector<std::int64_t> out;
  for (std::uint64_t i = 0; value != nullptr && i < value->count; ++i) {
    const auto integer = integer_of(value->type, value->bytes, i);
    if (!integer) wrong_kind(key, "an array of integers");
    out.push_back(*integer);
  }
  return out;
}

std::vector<double> GgufFile::numbers(std::string_view key) const {
  const Value* value = lookup(key, true);
  std::vector<double> out;
  for (std::uint64_t i = 0; value != nullptr && i < value->count; ++i) {
    const auto number = number_of(value->type, value->bytes, i);
    if (!number) wrong_kind(key, "an array of numbers");
    out.push_back(*number);
  }
  return out;
}

std::string_view GgufFile::blob(std::string_view key) const {
  const Value* value = lookup(key, true);
  if (value == nullptr) return {};
  if (value->type != kUint8 && value->type != kInt8) wrong_kind(key, "an array of bytes");
  return {reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size()};
}

const TensorView* GgufFile::find(std::string_view name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return nullptr;
  const Entry& entry = found->second;
  if (!entry.unknown_type) return &entry.view;
  const TensorType* type = tensor_type(*entry.unknown_type);
  throw Error(
      ExitCode::model,
      "{}: tensor '{}' is stored as {}, which is not supported; use the model's F32, F16, BF16, "
      "Q8_0 or Q4_K_M file",
      where_, name,
      type != nullptr ? std::string(type->name) : fmt::format("type {}", *entry.unknown_type));
}

std::vector<std::string_view> GgufFile::names() const {
  std::vector<std::string_view> out;
  out.reserve(tensors_.size());
  for (const auto& [name, entry] : tensors_) out.push_back(name);
  return out;
}

}  // namespace embedtool
