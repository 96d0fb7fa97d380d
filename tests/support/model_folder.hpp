#pragma once

// Model folders made on the spot: safetensors bytes, small BERT models with seeded weights.

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/hash.hpp"
#include "formats/io/file_set.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool::testing {

std::span<const std::byte> as_bytes(std::string_view text);

struct TestTensor {
  std::string name;
  std::string dtype;
  std::vector<std::int64_t> shape;
  std::string bytes;
};

std::size_t element_count(const std::vector<std::int64_t>& shape);

/// Values of any trivial type as a tensor.
template <typename T>
TestTensor tensor_of(std::string name, std::string dtype, std::vector<std::int64_t> shape,
                     const std::vector<T>& values) {
  TestTensor out{std::move(name), std::move(dtype), std::move(shape), {}};
  out.bytes.assign(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  return out;
}

/// f32 values in [-0.5, 0.5) that depend on the tensor's name alone.
TestTensor seeded_tensor(const std::string& name, const std::vector<std::int64_t>& shape);

/// A file with this header, right or wrong, and these data bytes.
std::string safetensors_raw(const std::string& header, const std::string& data);

std::string safetensors_file(const std::vector<TestTensor>& tensors);

/// Owns its files, so that a test may move it into a loader.
class OwnedFileSet : public FileSet {
 public:
  explicit OwnedFileSet(Files files) : files_(std::move(files)), set_("model") {
    for (const auto& [name, content] : files_) set_.add(name, as_bytes(content));
  }
  std::optional<std::span<const std::byte>> find(std::string_view name) const override {
    return set_.find(name);
  }
  std::string describe() const override { return set_.describe(); }

 private:
  Files files_;
  MemoryFileSet set_;
};

std::unique_ptr<FileSet> in_memory(Files files);

/// The shape of a small BERT model; tests change members of `config` for the rest.
struct BertShape {
  std::int64_t vocab = 40;
  std::int64_t hidden = 12;
  std::int64_t layers = 2;
  std::int64_t heads = 3;
  std::int64_t ffn = 20;
  std::int64_t positions = 32;
};

nlohmann::json bert_config(const BertShape& shape);

/// All tensors of a BERT encoder under their usual names.
std::vector<TestTensor> bert_tensors(const BertShape& shape);

/// config.json and model.safetensors, nothing else.
inline Files bert_files(const BertShape& shape = {}) {
  return {{"config.json", bert_config(shape).dump()},
          {"model.safetensors", safetensors_file(bert_tensors(shape))}};
}

/// A modules.json of these {path, type} pairs.
std::string modules_json(const std::vector<std::pair<std::string, std::string>>& modules);

/// A Dense module's two files.
void add_dense(Files& files, const std::string& folder, std::int64_t in, std::int64_t out,
               const std::string& activation, bool bias = true);

}  // namespace embedtool::testing
