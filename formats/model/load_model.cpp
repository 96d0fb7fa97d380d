#include "formats/model/load_model.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/base/error.hpp"
#include "core/model/families/arch.hpp"
#include "core/model/weights.hpp"
#include "formats/io/json_document.hpp"
#include "formats/model/gguf_model.hpp"
#include "formats/model/model_adapter.hpp"
#include "formats/model/model_files.hpp"
#include "formats/model/model_head.hpp"
#include "formats/model/model_limits.hpp"
#include "formats/model/model_m3.hpp"
#include "formats/model/model_modules.hpp"
#include "formats/model/model_place.hpp"
#include "formats/model/model_prompts.hpp"
#include "formats/model/model_sparse.hpp"
#include "formats/model/model_static.hpp"
#include "formats/model/model_tasks.hpp"
#include "formats/tokenizer/model_tokenizer.hpp"
#include "formats/weights/gguf.hpp"
#include "formats/weights/weights_folder.hpp"

namespace embedtool {
namespace {

/// What the files of an adapter's base model are called among the adapter's, none of which can be
/// called so.
constexpr const char* kBaseFolder = "/base/";

std::optional<JsonConfig> read_config(const FileSet& files, const std::string& name) {
  const auto bytes = files.find(name);
  if (!bytes.has_value()) return std::nullopt;
  return JsonConfig::parse(as_chars(*bytes), files.describe() + "/" + name);
}

// Puts a LoadedModel together, one file of the folder after the other.
class ModelLoader {
 public:
  ModelLoader(LoadedModel& model, const RecordingFileSet& files, std::string gguf_name)
      : model_(model),
        files_(files),
        gguf_name_(std::move(gguf_name)),
        chain_(gguf_name_.empty() ? read_modules(files) : ModuleChain()),
        encoder_files_(files, chain_.encoder_folder) {}

  void load() {
    model_.notes = chain_.notes;
    if (gguf_name_.empty()) config_ = read_config(encoder_files_, "config.json");
    if (const auto bytes = find_gguf()) return load_gguf(*bytes);
    const bool is_static = chain_.is_static || (config_.has_value() && is_model2vec(*config_));
    if (!is_static) find_adapter();
    if (!is_static && !config_.has_value()) throw_no_config();
    // What the model is comes first: weights of an architecture that is not supported do not
    // matter.
    if (!is_static) model_.spec = describe_model(*config_, config_->where(), model_.notes);
    model_.weights =
        model_.base_files ? open_adapted() : open_weights(files_, chain_.encoder_folder);
    if (!is_static) find_tasks();
    if (is_static) {
      load_static();
    } else {
      load_transformer();
    }
    load_dense();
    load_tokenizer();
    load_prompts();
    load_colbert();
    load_more_heads();
    if (adapted_ != nullptr) check_adapted();
    if (chain_.query_folder) {
      model_.query_encoder =
          std::make_unique<QueryEncoder>(read_static_query_encoder(files_, *chain_.query_folder));
    }
    model_.has_modules = chain_.listed;
    if (config_) model_.own_code = config_->string("auto_map.AutoModel").value_or("");
    load_card();
  }

 private:
  // A GGUF file is a model by itself; beside a config.json, it is a copy of what lies there.
  std::optional<std::span<const std::byte>> find_gguf() const {
    if (!gguf_name_.empty()) return files_.find(gguf_name_);
    if (config_.has_value() || chain_.listed) return std::nullopt;
    return files_.find(kGgufName);
  }

  void load_gguf(std::span<const std::byte> bytes) {
    const std::string where =
        fmt::format("{}/{}", files_.describe(), gguf_name_.empty() ? kGgufName : gguf_name_);
    auto file = std::make_unique<GgufFile>(bytes, where, &files_);
    GgufModel read = read_gguf_model(*file, where);
    model_.spec = std::move(read.spec);
    model_.max_tokens = {model_.spec.max_positions, "context_length of the file"};
    model_.head.pooling = {read.pooling.value};
    model_.pooling_source = std::move(read.pooling.why);
    model_.head.normalize = true;
    model_.normalize_source = "assumed";
    model_.head.dense = read_gguf_dense(*file, model_.dense_weights);
    for (std::string& note : read.notes) model_.notes.push_back(std::move(note));
    ModelTokenizer opened = open_gguf_tokenizer(*file);
    model_.tokenizer = std::move(opened.tokenizer);
    if (!opened.note.empty()) model_.notes.push_back(std::move(opened.note));
    model_.weights = std::move(file);
    load_card();
  }

  [[noreturn]] void throw_no_config() const {
    throw Error(ExitCode::model,
                "{}: no config.json; a model folder holds config.json, model.safetensors and "
                "tokenizer files",
                encoder_files_.describe());
  }

  // An adapter changes the model's weights when its authors load it. Looking for one is no reason
  // for another fingerprint.
  void find_adapter() {
    const std::string name = "adapter_config.json";
    if (!files_.unrecorded().find(chain_.encoder_folder + name).has_value()) return;
    const JsonConfig file = *read_config(encoder_files_, name);
    adapter_ = read_adapter(file, model_.notes);
    ModelPlace base = find_base(file.where());
    model_.base_files =
        std::make_unique<SubfolderFileSet>(files_, kBaseFolder, base.files->describe());
    model_.files->attach(kBaseFolder, std::move(base.files));
    config_ = read_config(*model_.base_files, "config.json");
    if (!config_.has_value() || model_.base_files->find(name).has_value()) {
      throw Error(ExitCode::model, "{}: its base model {} {}", file.where(),
                  model_.base_files->describe(),
                  config_.has_value() ? "is an adapter as well" : "has no config.json");
    }
  }

  ModelPlace find_base(const std::string& where) const {
    std::error_code failed;
    const bool is_folder = std::filesystem::is_directory(adapter_.base, failed);
    const std::string& revision = adapter_.revision;
    try {
      return find_model(is_folder || revision.empty() ? adapter_.base
                                                      : adapter_.base + "@" + revision);
    } catch (const Error& error) {
      throw Error(error.code(), "{}: an adapter, whose base model is needed: {}", where,
                  error.what());
    }
  }

  // Adapters for tasks, in the model's own file.
  void find_tasks() {
    const std::optional<TaskAdapters> adapters = read_task_adapters(*config_);
    if (!adapters) {
      if (!chain_.has_tasks) return;
      throw Error(
          ExitCode::model,
          "{}/modules.json: module 'custom_st.Transformer': the class of Jina embeddings v3 "
          "is known, but config.json lists no lora_adaptations",
          files_.describe());
    }
    auto weights = std::make_unique<TaskWeights>(std::move(model_.weights), adapters->tasks.size(),
                                                 adapters->alpha);
    model_.tasks = ModelTasks{adapters->tasks, weights.get()};
    model_.weights = std::move(weights);
  }

  std::unique_ptr<WeightSource> open_adapted() {
    auto adapted = std::make_unique<LoraWeights>(
        open_weights(*model_.base_files, ""), open_adapter_weights(files_, chain_.encoder_folder),
        adapter_.scaling, model_.spec.prefixes);
    adapted_ = adapted.get();
    return adapted;
  }

  void check_adapted() {
    std::vector<const HeadSpec*> heads{&model_.head};
    for (const HeadChoice& choice : model_.more_heads) heads.push_back(&choice.head);
    settle_adapter(*adapted_, model_.spec, heads, adapter_.base, model_.notes);
  }

  void load_static() {
    StaticModel read =
        read_static_model(*model_.weights, config_.has_value() ? &*config_ : nullptr);
    model_.spec = std::move(read.spec);
    model_.max_tokens = std::move(read.limit);
    model_.head.pooling = {Pooling::mean};
    model_.pooling_source = "static models average";
    model_.head.normalize = chain_.normalize || read.normalize.value_or(false);
    model_.normalize_source = chain_.normalize ? "modules.json" : "config.json";
    wishes_.empty_text_token = read.empty_text_token;
  }

  void load_transformer() {
    choose_names(model_.spec, *model_.weights);
    const TransformerSettings settings = read_transformer_settings(encoder_files_, model_.notes);
    model_.max_tokens = transformer_limit(encoder_files_, settings, model_.spec, model_.notes);
    wishes_.lower_case = settings.lower_case;
    if (chain_.splade_folder) return load_splade();
    load_pooling();
    load_normalize();
  }

  bool is_stanford() const { return config_.has_value() && is_stanford_colbert(*config_); }

  // Late interaction: a projection of every token, queries and documents treated each in its way.
  void load_colbert() {
    if (model_.head.pooling != std::vector{Pooling::none}) return;
    if (model_.tokenizer == nullptr || model_.tokenizer->vocab_size() == 0) return;
    if (native_multi_vector_) {
      model_.colbert = read_multi_vector(encoder_files_, files_, chain_.mask_folder.value_or(""),
                                         *model_.tokenizer, model_.notes);
    } else {
      model_.colbert = read_colbert(files_, is_stanford(), *model_.tokenizer);
    }
    ColbertSettings& settings = *model_.colbert;
    for (const std::string& note : settings.notes) model_.notes.push_back(note);
    const std::size_t most = model_.max_tokens.value == 0 ? SIZE_MAX : model_.max_tokens.value;
    if (settings.query_length == 0) settings.query_length = most;
    if (settings.document_length == 0) settings.document_length = most;
    model_.max_tokens = {
        std::min(most, settings.document_length),
        fmt::format("documents; queries have {}; {}", settings.query_length, settings.source)};
  }

  void load_stanford_projection() {
    const TensorView* tensor = model_.weights->find("linear.weight");
    if (tensor == nullptr || tensor->shape.size() != 2) {
      throw Error(ExitCode::model,
                  "{}: config.json says HF_ColBERT, but there is no matrix linear.weight",
                  files_.describe());
    }
    DenseSpec dense;
    dense.out = static_cast<std::size_t>(tensor->shape[0]);
    dense.in = static_cast<std::size_t>(tensor->shape[1]);
    dense.bias = false;
    dense.activation = Activation::identity;
    dense.weights = model_.weights.get();
    model_.head.dense.push_back(dense);
  }

  // SPLADE as sentence-transformers lists it: its pooling instead of any other.
  void load_splade() {
    const std::string where = *chain_.splade_folder + "config.json";
    auto sparse = find_masked_language_head(*model_.weights, model_.spec, *config_);
    if (!sparse) {
      throw Error(ExitCode::model,
                  "{}: modules.json lists SpladePooling, but the weights contain no known "
                  "masked-language head",
                  files_.describe());
    }
    if (const auto config = read_config(files_, where)) {
      read_splade_pooling(*config, *sparse, model_.notes);
    }
    model_.head.sparse = std::move(*sparse);
    model_.head.normalize = false;
    model_.head_kind = HeadKind::sparse;
    model_.pooling_source = where;
    model_.normalize_source = "token weights are not normalized";
  }

  // What the same states can be used for beside the head that the folder names.
  void load_more_heads() {
    model_.more_heads =
        read_m3_heads(encoder_files_, model_.spec, model_.tokenizer.get(), model_.dense_weights);
    if (chain_.listed || model_.spec.layers == 0) return;
    auto sparse = find_masked_language_head(*model_.weights, model_.spec, *config_);
    if (!sparse) return;
    HeadChoice choice{HeadKind::sparse, {}, "architectures of config.json"};
    choice.head.sparse = std::move(*sparse);
    choice.head.normalize = false;
    model_.more_heads.push_back(std::move(choice));
  }

  void load_pooling() {
    if (chain_.multi_vector || (!chain_.listed && is_stanford())) {
      model_.head.pooling = {Pooling::none};
      model_.head_kind = HeadKind::colbert;
      model_.pooling_source = chain_.multi_vector ? "modules.json" : "HF_ColBERT of config.json";
      if (!chain_.multi_vector) load_stanford_projection();
      return;
    }
    const std::string folder = chain_.pooling_folder.value_or("1_Pooling/");
    const auto config = read_config(files_, folder + "config.json");
    if (!config.has_value()) {
      if (chain_.listed) {
        throw Error(ExitCode::model,
                    "{}/{}config.json: missing, though modules.json lists it; is the download "
                    "complete?",
                    files_.describe(), folder);
      }
      model_.head.pooling = {Pooling::mean};
      model_.pooling_source = "assumed";
      model_.notes.emplace_back(
          "no modules.json and no 1_Pooling: mean pooling assumed, as sentence-transformers does; "
          "use --pooling if the model's card says otherwise");
      return;
    }
    PoolingConfig pooling = read_pooling(*config, model_.notes);
    model_.head.pooling = std::move(pooling.modes);
    model_.pools_prompt = pooling.include_prompt;
    model_.pooling_source = folder + "config.json";
  }

  void load_normalize() {
    for (const std::string& folder : chain_.normalize_folders) {
      check_normalize(files_.unrecorded(), folder, chain_.multi_vector, model_.notes);
    }
    model_.head.normalize = chain_.normalize || !chain_.listed;
    model_.normalize_source = chain_.listed ? "modules.json" : "assumed";
    if (!chain_.listed) {
      model_.notes.emplace_back("no modules.json: vectors are normalized to unit length");
    }
  }

  void load_dense() {
    std::size_t in = model_.spec.hidden * model_.head.pooling.size();
    if (!model_.spec.names.state_projection.empty()) {
      model_.head.dense.push_back(read_state_projection(model_.spec, model_.head, *model_.weights));
      in = model_.head.dense.back().out;
    }
    for (const std::string& folder : chain_.dense_folders) {
      model_.dense_weights.emplace_back();
      const DenseSpec dense = read_dense(files_, folder, in, chain_.multi_vector,
                                         model_.dense_weights.back(), model_.notes);
      model_.head.dense.push_back(dense);
      in = dense.out;
    }
  }

  void load_tokenizer() {
    wishes_.hints = {.model_type = model_.spec.family, .drop_unknown = model_.spec.drops_unknown};
    ModelTokenizer opened = open_model_tokenizer(encoder_files_, wishes_);
    if (opened.tokenizer == nullptr && model_.base_files) {
      opened = open_model_tokenizer(*model_.base_files, wishes_);
    }
    model_.tokenizer = std::move(opened.tokenizer);
    if (!opened.note.empty()) model_.notes.push_back(std::move(opened.note));
    if (model_.tokenizer == nullptr) return;
    if (model_.tokenizer->vocab_size() > model_.spec.vocab_size) {
      model_.notes.push_back(
          fmt::format("the tokenizer has {} tokens, but the model only {}; a text with one of the "
                      "extra tokens stops the run",
                      model_.tokenizer->vocab_size(), model_.spec.vocab_size));
    }
  }

  void load_prompts() {
    PromptSettings settings = read_prompts(files_, model_.notes);
    model_.similarity = std::move(settings.similarity);
    model_.prompts = std::move(settings.prompts);
    model_.default_prompt_name = std::move(settings.default_name);
    native_multi_vector_ = settings.kind == "MultiVectorEncoder";
  }

  void load_card() {
    if (const auto card = files_.unrecorded().find("README.md"); card.has_value()) {
      model_.card = as_chars(*card);
    }
  }

  LoadedModel& model_;
  const RecordingFileSet& files_;
  std::string gguf_name_;
  ModuleChain chain_;
  SubfolderFileSet encoder_files_;
  std::optional<JsonConfig> config_;
  AdapterSettings adapter_;
  const LoraWeights* adapted_ = nullptr;  ///< model_.weights, if there is an adapter over them
  TokenizerWishes wishes_;
  bool native_multi_vector_ = false;  ///< as sentence-transformers 6 saves it, not PyLate
};

LoadedModel open_files(std::unique_ptr<FileSet> files, const std::string& name,
                       const std::string& gguf_name = "") {
  LoadedModel model;
  model.files = std::make_unique<RecordingFileSet>(std::move(files));
  model.name = name;
  model.where = model.files->describe();
  ModelLoader(model, *model.files, gguf_name).load();
  return model;
}

}  // namespace

void fingerprint_model(LoadedModel& model, std::span<const StampedFile> files_then,
                       const std::string& known) {
  const std::vector<StampedFile> now = model.files->stamps();
  const bool unchanged = !known.empty() && !now.empty() &&
                         std::equal(now.begin(), now.end(), files_then.begin(), files_then.end());
  model.fingerprint = unchanged ? known : model.files->fingerprint().hex();
}

LoadedModel load_model(std::unique_ptr<FileSet> files, const std::string& name,
                       const std::string& gguf_name) {
  LoadedModel model = open_files(std::move(files), name, gguf_name);
  fingerprint_model(model);
  return model;
}

LoadedModel load_model(const std::string& path_or_name) {
  LoadedModel model = open_model(path_or_name);
  fingerprint_model(model);
  return model;
}

LoadedModel open_model(const std::string& path_or_name) {
  ModelPlace place = find_model(path_or_name);
  LoadedModel model = open_files(std::move(place.files), place.name, place.gguf_name);
  model.hub_name = std::move(place.hub_name);
  return model;
}

}  // namespace embedtool
