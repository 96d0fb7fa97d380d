#include "formats/model/model_modules.hpp"

#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include "core/base/error.hpp"
#include "formats/io/json_document.hpp"
#include "formats/model/model_router.hpp"

namespace embedtool {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxModules = 64;

// "", ".", "1_Pooling", "1_Pooling/", "./1_Pooling" → "" or "1_Pooling/". The file set itself
// refuses a path that leads out of the model.
std::string folder_of(std::string path) {
  while (path.starts_with("./")) path.erase(0, 2);
  while (path.ends_with('/')) path.pop_back();
  if (path.empty() || path == ".") return "";
  return path + "/";
}

std::string string_member(const json& module, const char* key, const std::string& where) {
  const auto found = module.is_object() ? module.find(key) : module.end();
  if (!module.is_object() || found == module.end() || !found->is_string()) {
    throw Error(ExitCode::model, "{}: a module has no '{}'", where, key);
  }
  return found->get<std::string>();
}

/// The one class beside those of the libraries: a bag of int8 rows, as the built-in models' folders
/// bring it for sentence-transformers. It computes what StaticEmbedding does.
constexpr std::string_view kOwnBag = "bag.StaticEmbedding";

/// Jina embeddings v3's own; the loader checks that it is that model.
constexpr std::string_view kTaskTransformer = "custom_st.Transformer";

class ChainReader {
 public:
  ChainReader(const FileSet& files, std::string where) : files_(files), where_(std::move(where)) {
    chain_.listed = true;
  }

  void add(const std::string& type, std::string folder) {
    const std::string name = type.substr(type.rfind('.') + 1);
    if (!type.starts_with("sentence_transformers.") && !type.starts_with("pylate.") &&
        type != kOwnBag && type != kTaskTransformer) {
      refuse(type,
             "a class of the model's own is not supported, since its code is not run; if its "
             "authors offer the model "
             "with sentence-transformers' own classes, use that");
    }
    if (name == "Transformer" || name == "MLMTransformer" || name == "StaticEmbedding") {
      chain_.has_tasks = type == kTaskTransformer;
      return add_encoder(name, folder);
    }
    if (name == "Router" && stage_ == Stage::start) return add_router(folder);
    if (stage_ == Stage::start) refuse(type, "no Transformer or StaticEmbedding comes before it");
    if (name == "Pooling") return add_pooling(type, std::move(folder));
    if (name == "SpladePooling") return add_splade(type, std::move(folder));
    if (name == "Dense") return add_dense(type, std::move(folder));
    if (name == "Normalize") return add_normalize(std::move(folder));
    if (name == "MultiVectorMask" && stage_ == Stage::tokens) {
      chain_.multi_vector = true;
      chain_.mask_folder = std::move(folder);
      return;
    }
    if (name == "Dropout") {
      chain_.notes.push_back("module Dropout: does nothing outside training");
      return;
    }
    refuse(type, "this kind of module is not supported");
  }

  ModuleChain finish() {
    if (stage_ == Stage::start) throw Error(ExitCode::model, "{}: lists no module", where_);
    if (stage_ == Stage::tokens && chain_.dense_folders.empty() && !chain_.multi_vector) {
      throw Error(
          ExitCode::model,
          "{}: neither a Pooling module nor late-interaction modules (Dense, MultiVectorMask)",
          where_);
    }
    chain_.multi_vector = stage_ == Stage::tokens;
    // What PyLate leaves to its encode(): late interaction compares directions.
    if (chain_.multi_vector) chain_.normalize = true;
    return std::move(chain_);
  }

 private:
  // What passes on after the modules so far.
  enum class Stage : unsigned char { start, tokens, vector, unit_vector, weights };

  [[noreturn]] void refuse(const std::string& type, const char* why) const {
    throw Error(ExitCode::model, "{}: module '{}': {}", where_, type, why);
  }

  void add_encoder(const std::string& name, const std::string& folder) {
    if (stage_ != Stage::start) refuse(name, "a second encoder in one chain is not supported");
    chain_.is_static = name == "StaticEmbedding";
    chain_.encoder_folder = folder;
    stage_ = chain_.is_static ? Stage::vector : Stage::tokens;
  }
  // Documents' modules, and where queries have others, the one kind of those that is supported.
  void add_router(const std::string& folder) {
    const RouterConfig router = read_router(files_, folder);
    for (const auto& [type, path] : router.documents) {
      if (type.ends_with(".Router")) refuse(type, "a Router inside a Router is not supported");
      add(type, path);
    }
    if (router.queries == router.documents) return;
    const auto& [type, path] = router.queries.front();
    if (router.queries.size() > 1 || !type.ends_with(".SparseStaticEmbedding")) {
      refuse(type,
             "queries that go through other modules than documents are supported only where "
             "SparseStaticEmbedding encodes them");
    }
    chain_.query_folder = path;
  }
  void add_pooling(const std::string& type, std::string folder) {
    if (stage_ != Stage::tokens) refuse(type, "there are no token vectors left to pool");
    if (!chain_.dense_folders.empty()) {
      refuse(type, "a Dense layer before pooling is not supported");
    }
    if (chain_.normalize) refuse(type, "Normalize before pooling is not supported");
    chain_.pooling_folder = std::move(folder);
    stage_ = Stage::vector;
  }
  void add_splade(const std::string& type, std::string folder) {
    if (stage_ != Stage::tokens || !chain_.dense_folders.empty() || chain_.normalize) {
      refuse(type, "it must come right after the transformer");
    }
    chain_.splade_folder = std::move(folder);
    stage_ = Stage::weights;
  }
  void add_dense(const std::string& type, std::string folder) {
    if (stage_ == Stage::weights) refuse(type, "Dense after SpladePooling is not supported");
    if (stage_ == Stage::unit_vector) refuse(type, "Dense after Normalize is not supported");
    chain_.dense_folders.push_back(std::move(folder));
  }
  void add_normalize(std::string folder) {
    if (stage_ == Stage::weights) {
      refuse("Normalize",
             "token weights are not normalized: it is not supported after SpladePooling");
    }
    chain_.normalize = true;
    chain_.normalize_folders.push_back(std::move(folder));
    if (stage_ == Stage::vector) stage_ = Stage::unit_vector;
  }

  const FileSet& files_;
  std::string where_;
  ModuleChain chain_;
  Stage stage_ = Stage::start;
};

}  // namespace

ModuleChain read_modules(const FileSet& files) {
  const auto bytes = files.find("modules.json");
  if (!bytes.has_value()) return {};
  const std::string where = files.describe() + "/modules.json";
  const json modules = parse_json(as_chars(*bytes), where);
  if (!modules.is_array() || modules.size() > kMaxModules) {
    throw Error(ExitCode::model, "{}: should hold a list of at most {} modules", where,
                kMaxModules);
  }
  ChainReader reader(files, where);
  for (const json& module : modules) {
    const std::string type = string_member(module, "type", where);
    reader.add(type, folder_of(string_member(module, "path", where)));
  }
  return reader.finish();
}

}  // namespace embedtool
