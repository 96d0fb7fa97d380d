// Which files of a model folder hold its weights: one file or the shards of an index, of
// safetensors or else of torch.save().
#include "formats/weights/weights_folder.hpp"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"
#include "formats/weights/safetensors.hpp"
#include "formats/weights/torch_file.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMaxShards = 1000;

// File names of other containers that a folder may hold instead, and what to do about each.
struct OtherFormat {
  std::string_view file;
  std::string_view advice;
};
constexpr std::string_view kNoGraphs =
    "graphs of ONNX and OpenVINO are not run; use the original model's safetensors weights";
constexpr auto kOtherFormats = std::to_array<OtherFormat>({
    {"tf_model.h5",
     "convert them once in Python: AutoModel.from_pretrained(DIR, from_tf=True)"
     ".save_pretrained(DIR)"},
    {"flax_model.msgpack",
     "convert them once in Python: AutoModel.from_pretrained(DIR, from_flax=True)"
     ".save_pretrained(DIR)"},
    {"onnx/model.onnx", kNoGraphs},
    {"onnx/model_quantized.onnx", kNoGraphs},
    {"model.onnx", kNoGraphs},
    {"model_quantized.onnx", kNoGraphs},
    {"openvino/openvino_model.xml", kNoGraphs},
    {"openvino_model.xml", kNoGraphs},
    {"model.gguf", "name the GGUF file itself: -m DIR/model.gguf"},
});

[[noreturn]] void throw_no_weights(const FileSet& files, const std::string& folder) {
  const std::string where = files.describe();
  for (const OtherFormat& other : kOtherFormats) {
    const std::string name = folder + std::string(other.file);
    if (files.find(name).has_value()) {
      throw Error(ExitCode::model,
                  "{}/{}: weights are read only from model.safetensors and pytorch_model.bin; {}",
                  where, name, other.advice);
    }
  }
  throw Error(
      ExitCode::model,
      "{}: neither {}model.safetensors nor {}pytorch_model.bin, nor an .index.json of either; "
      "is the download complete?",
      where, folder, folder);
}

// A shard lies beside its index: anything that looks like a path is refused before it is opened.
void check_shard_name(const std::string& shard, std::string_view ending, const std::string& where) {
  if (shard.empty() || shard.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos ||
      !shard.ends_with(ending)) {
    throw Error(ExitCode::model, "{}: '{}' is not the name of a {} file in this folder", where,
                shard, ending);
  }
}

/// Which file each tensor is in, by an index.
std::map<std::string, std::string> read_index(std::string_view index, std::string_view ending,
                                              const std::string& where) {
  const nlohmann::json document = parse_json(index, where);
  const auto map = document.is_object() ? document.find("weight_map") : document.end();
  if (!document.is_object() || map == document.end() || !map->is_object()) {
    throw Error(ExitCode::model, "{}: no 'weight_map'", where);
  }
  std::map<std::string, std::string> shard_of;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string()) {
      throw Error(ExitCode::model, "{}: '{}' should name a file", where, tensor);
    }
    shard_of.emplace(tensor, shard.get<std::string>());
    check_shard_name(shard_of.at(tensor), ending, where);
  }
  return shard_of;
}

template <typename Weights>
void add_shards(Weights& weights, const FileSet& files, const std::string& folder,
                const std::map<std::string, std::string>& shard_of, const std::string& where) {
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : shard_of) shards.insert(shard);
  if (shards.empty() || shards.size() > kMaxShards) {
    throw Error(ExitCode::model, "{}: {} shards (1 to {} are supported)", where, shards.size(),
                kMaxShards);
  }
  for (const std::string& shard : shards) {
    const auto bytes = files.find(folder + shard);
    if (!bytes.has_value()) {
      throw Error(ExitCode::model, "{}: names {}, which is missing; is the download complete?",
                  where, shard);
    }
    weights.add_file(*bytes, fmt::format("{}/{}{}", files.describe(), folder, shard));
  }
  const std::vector<std::string_view> known = weights.names();
  const std::set<std::string_view> there(known.begin(), known.end());
  for (const auto& [tensor, shard] : shard_of) {
    if (there.count(tensor) == 0) {
      throw Error(ExitCode::model, "{}: tensor '{}' is not in {}", where, tensor, shard);
    }
  }
}

// The weights in NAME, or in the shards that NAME.index.json lists; null if there is neither.
template <typename Weights>
std::unique_ptr<WeightSource> open_as(const FileSet& files, const std::string& folder,
                                      const std::string& name) {
  const std::string prefix = files.describe() + "/" + folder;
  if (const auto bytes = files.find(folder + name); bytes.has_value()) {
    auto weights = std::make_unique<Weights>(prefix + name, &files);
    weights->add_file(*bytes, prefix + name);
    return weights;
  }
  const std::string index = name + ".index.json";
  if (const auto bytes = files.find(folder + index); bytes.has_value()) {
    auto weights = std::make_unique<Weights>(prefix + index, &files);
    const auto shard_of =
        read_index(as_chars(*bytes), name.substr(name.rfind('.')), prefix + index);
    add_shards(*weights, files, folder, shard_of, prefix + index);
    return weights;
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<WeightSource> open_weights(const FileSet& files, const std::string& folder) {
  if (auto weights = open_as<SafetensorsWeights>(files, folder, "model.safetensors")) {
    return weights;
  }
  if (auto weights = open_as<TorchWeights>(files, folder, "pytorch_model.bin")) return weights;
  throw_no_weights(files, folder);
}

std::unique_ptr<WeightSource> open_adapter_weights(const FileSet& files,
                                                   const std::string& folder) {
  if (auto weights = open_as<SafetensorsWeights>(files, folder, "adapter_model.safetensors")) {
    return weights;
  }
  if (auto weights = open_as<TorchWeights>(files, folder, "adapter_model.bin")) return weights;
  throw Error(ExitCode::model,
              "{}: neither {}adapter_model.safetensors nor {}adapter_model.bin; is the download "
              "complete?",
              files.describe(), folder, folder);
}

}  // namespace embedtool
