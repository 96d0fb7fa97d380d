// Which files of a model folder hold its weights: one safetensors file, or the shards of an index.
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"
#include "formats/weights/safetensors.hpp"

namespace embedtool {
namespace {

constexpr std::size_t kMaxShards = 1000;

// File names of other containers that a folder may hold instead, and what to do about each.
struct OtherFormat {
  std::string_view file;
  std::string_view advice;
};
constexpr std::string_view kConvertTorch =
    "convert them once in Python: AutoModel.from_pretrained(DIR).save_pretrained(DIR, "
    "safe_serialization=True), or use the model's revision that has model.safetensors";
constexpr std::array<OtherFormat, 7> kOtherFormats{{
    {"pytorch_model.bin", kConvertTorch},
    {"pytorch_model.bin.index.json", kConvertTorch},
    {"tf_model.h5",
     "convert them once in Python: AutoModel.from_pretrained(DIR, from_tf=True)"
     ".save_pretrained(DIR)"},
    {"flax_model.msgpack",
     "convert them once in Python: AutoModel.from_pretrained(DIR, from_flax=True)"
     ".save_pretrained(DIR)"},
    {"onnx/model.onnx",
     "ONNX graphs are not supported; use the original model's safetensors weights"},
    {"model.onnx", "ONNX graphs are not supported; use the original model's safetensors weights"},
    {"model.gguf", "name the GGUF file itself: -m DIR/model.gguf"},
}};

[[noreturn]] void throw_no_weights(const FileSet& files, const std::string& folder) {
  const std::string where = files.describe();
  for (const OtherFormat& other : kOtherFormats) {
    const std::string name = folder + std::string(other.file);
    if (files.find(name).has_value()) {
      throw Error(ExitCode::model,
                  "{}/{}: weights are read only from model.safetensors (a pickle runs code, other "
                  "formats lose names); {}",
                  where, name, other.advice);
    }
  }
  throw Error(ExitCode::model,
              "{}: no {}model.safetensors and no {}model.safetensors.index.json; is the download "
              "complete?",
              where, folder, folder);
}

// A shard lies beside its index: anything that looks like a path is refused before it is opened.
void check_shard_name(const std::string& shard, const std::string& where) {
  if (shard.empty() || shard.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos ||
      !shard.ends_with(".safetensors")) {
    throw Error(ExitCode::model, "{}: '{}' is not the name of a safetensors file in this folder",
                where, shard);
  }
}

void add_shards(SafetensorsWeights& weights, const FileSet& files, const std::string& folder,
                std::string_view index, const std::string& where) {
  const nlohmann::json document = parse_json(index, where);
  const auto map = document.is_object() ? document.find("weight_map") : document.end();
  if (!document.is_object() || map == document.end() || !map->is_object()) {
    throw Error(ExitCode::model, "{}: no 'weight_map'", where);
  }
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : map->items()) {
    if (!shard.is_string()) {
      throw Error(ExitCode::model, "{}: '{}' should name a file", where, tensor);
    }
    shards.insert(shard.get<std::string>());
  }
  if (shards.empty() || shards.size() > kMaxShards) {
    throw Error(ExitCode::model, "{}: {} shards (1 to {} are supported)", where, shards.size(),
                kMaxShards);
  }
  for (const std::string& shard : shards) {
    check_shard_name(shard, where);
    const auto bytes = files.find(folder + shard);
    if (!bytes.has_value()) {
      throw Error(ExitCode::model, "{}: names {}, which is missing; is the download complete?",
                  where, shard);
    }
    weights.add_file(*bytes, fmt::format("{}/{}{}", files.describe(), folder, shard));
  }
  const std::vector<std::string_view> known = weights.names();
  const std::set<std::string_view> there(known.begin(), known.end());
  for (const auto& [tensor, shard] : map->items()) {
    if (there.count(tensor) == 0) {
      throw Error(ExitCode::model, "{}: tensor '{}' is not in {}", where, tensor,
                  shard.get<std::string>());
    }
  }
}

}  // namespace

std::unique_ptr<SafetensorsWeights> open_weights(const FileSet& files, const std::string& folder) {
  const std::string prefix = files.describe() + "/" + folder;
  if (const auto bytes = files.find(folder + "model.safetensors"); bytes.has_value()) {
    auto weights = std::make_unique<SafetensorsWeights>(prefix + "model.safetensors", &files);
    weights->add_file(*bytes, prefix + "model.safetensors");
    return weights;
  }
  const std::string index = "model.safetensors.index.json";
  if (const auto bytes = files.find(folder + index); bytes.has_value()) {
    auto weights = std::make_unique<SafetensorsWeights>(prefix + index, &files);
    add_shards(*weights, files, folder, as_chars(*bytes), prefix + index);
    return weights;
  }
  throw_no_weights(files, folder);
}

}  // namespace embedtool
