#include "formats/hub/file_choice.hpp"

#include <fnmatch.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace embedtool {
namespace {

constexpr auto kSettings = std::to_array<std::string_view>(
    {"config.json", "modules.json", "config_sentence_transformers.json", "router_config.json",
     "adapter_config.json", "artifact.metadata", "tokenizer.json", "tokenizer_config.json",
     "vocab.txt", "vocab.json", "merges.txt", "sentencepiece.bpe.model", "sentencepiece.model",
     "spiece.model", "spm.model", "tokenizer.model"});

// Layers in files of their own, of bge-m3.
constexpr auto kLayers = std::to_array<std::string_view>({"colbert_linear", "sparse_linear"});

struct SplitPath {
  std::string_view folder;  ///< "" or ends in '/'
  std::string_view name;
};

SplitPath split(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A folder that sentence-transformers makes for a module: "1_Pooling", "query_0_SparseEmbedding".
bool is_module_name(std::string_view name) {
  for (std::size_t at = 0; at < name.size(); ++at) {
    if (!is_digit(name[at]) || (at > 0 && name[at - 1] != '_')) continue;
    const std::size_t end = name.find_first_not_of("0123456789", at);
    if (end != std::string_view::npos && name[end] == '_') return true;
  }
  return false;
}

bool is_model_folder(std::string_view folder) {
  while (!folder.empty()) {
    const std::size_t slash = folder.find('/');
    if (!is_module_name(folder.substr(0, slash))) return false;
    folder.remove_prefix(slash + 1);
  }
  return true;
}

bool is_settings(const SplitPath& path) {
  if (path.folder.empty() && path.name == "README.md") return true;
  if (path.name.starts_with("sentence_") && path.name.ends_with("_config.json")) return true;
  return std::find(kSettings.begin(), kSettings.end(), path.name) != kSettings.end();
}

// "model-00001-of-00002.safetensors" of "model.safetensors".
bool is_shard(std::string_view name, std::string_view whole) {
  const std::size_t dot = whole.rfind('.');
  return name.size() > whole.size() && name.starts_with(whole.substr(0, dot)) &&
         name.ends_with(whole.substr(dot)) && name[dot] == '-' &&
         name.find("-of-") != std::string_view::npos;
}

class Chooser {
 public:
  Chooser(const std::vector<HubFile>& files, const FileWishes& wishes) : wishes_(wishes) {
    for (const HubFile& file : files) files_.emplace(file.path, &file);
  }

  FileChoice choose() {
    for (const auto& [path, file] : files_) choose(path);
    choose_gguf();
    FileChoice choice;
    choice.ggufs = std::move(ggufs_);
    std::map<std::string, LeftFiles> left;
    for (const auto& [path, file] : files_) {
      if (!taken_.count(path)) {
        leave(*file, left);
        continue;
      }
      choice.taken.push_back(*file);
      choice.has_weights = choice.has_weights || !is_settings(split(path));
    }
    for (auto& [what, group] : left) choice.left.push_back(std::move(group));
    std::stable_sort(choice.left.begin(), choice.left.end(),
                     [](const LeftFiles& a, const LeftFiles& b) { return a.bytes > b.bytes; });
    return choice;
  }

 private:
  static bool matches(const std::vector<std::string>& patterns, std::string_view path) {
    const std::string text(path);
    return std::any_of(patterns.begin(), patterns.end(), [&text](const std::string& pattern) {
      return ::fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
    });
  }

  void choose(std::string_view path) {
    if (matches(wishes_.exclude, path)) return;
    const SplitPath parts = split(path);
    const bool wanted = is_model_folder(parts.folder) && (is_settings(parts) || is_weights(parts));
    if (wanted || matches(wishes_.include, path)) taken_.insert(path);
  }

  bool is_weights(const SplitPath& path) const {
    if (path.folder.empty() && is_layer(path.name)) return true;
    // Beside an adapter, the loader takes the weights of the base model.
    using Names = std::array<std::string_view, 2>;
    const Names names = has(path.folder, "adapter_config.json")
                            ? Names{"adapter_model.safetensors", "adapter_model.bin"}
                            : Names{"model.safetensors", "pytorch_model.bin"};
    for (const std::string_view whole : names) {
      const std::string index = std::string(whole) + ".index.json";
      // The loader looks in the same order.
      if (has(path.folder, whole)) return path.name == whole;
      if (has(path.folder, index)) return path.name == index || is_shard(path.name, whole);
    }
    return false;
  }

  // Of both forms of a layer, the safe one.
  bool is_layer(std::string_view name) const {
    return std::any_of(kLayers.begin(), kLayers.end(), [&](std::string_view layer) {
      const std::string safe = std::string(layer) + ".safetensors";
      return name == safe || (name == std::string(layer) + ".pt" && !has("", safe));
    });
  }

  void choose_gguf() {
    std::vector<std::string_view> all;
    for (const auto& [path, file] : files_) {
      if (taken_.count(path) && !is_settings(split(path))) return;
      if (path.ends_with(".gguf") && !matches(wishes_.exclude, path)) all.push_back(path);
    }
    if (all.size() == 1) {
      taken_.insert(all.front());
    } else {
      ggufs_.assign(all.begin(), all.end());
    }
  }

  bool has(std::string_view folder, std::string_view name) const {
    const auto found = files_.find(std::string(folder) + std::string(name));
    return found != files_.end() && !matches(wishes_.exclude, found->first);
  }

  // Whether files with this ending are taken, so that it cannot stand for what is left.
  bool takes_any(std::string_view ending) const {
    return std::any_of(taken_.begin(), taken_.end(),
                       [&](const auto& path) { return path.ends_with(ending); });
  }

  void leave(const HubFile& file, std::map<std::string, LeftFiles>& left) const {
    const std::size_t slash = file.path.find('/');
    const std::size_t dot = file.path.rfind('.');
    std::string what = file.path;
    if (slash != std::string::npos) {
      what = file.path.substr(0, slash + 1);
    } else if (dot != std::string::npos && dot > 0 && !takes_any(file.path.substr(dot))) {
      what = std::string{"*"}.append(file.path, dot);
    }
    LeftFiles& group = left[what];
    group.what = what;
    ++group.files;
    group.bytes += file.bytes;
  }

  const FileWishes& wishes_;
  std::map<std::string_view, const HubFile*> files_;
  std::set<std::string_view> taken_;
  std::vector<std::string> ggufs_;
};

}  // namespace

FileChoice choose_files(const std::vector<HubFile>& files, const FileWishes& wishes) {
  return Chooser(files, wishes).choose();
}

}  // namespace embedtool
