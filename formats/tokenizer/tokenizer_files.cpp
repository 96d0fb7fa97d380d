#include "formats/tokenizer/tokenizer_files.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/base/error.hpp"
#include "core/text/models/sentencepiece_proto.hpp"
#include "formats/io/json_document.hpp"
#include "formats/tokenizer/gguf_tokenizer.hpp"
#include "formats/tokenizer/tokenizer_config.hpp"
#include "formats/tokenizer/tokenizer_family.hpp"
#include "formats/tokenizer/tokenizer_json.hpp"
#include "formats/tokenizer/tokenizer_merges.hpp"
#include "formats/tokenizer/tokenizer_vocab.hpp"

namespace embedtool {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kSentencePieceNames[] = {"sentencepiece.bpe.model", "spiece.model",
                                                    "sentencepiece.model", "spm.model",
                                                    "tokenizer.model"};

// A small configuration file; an empty object where there is none.
Json read_config(const FileSet& files, std::string_view name) {
  const auto bytes = files.find(name);
  if (!bytes) return Json::object();
  const std::string where = fmt::format("{}/{}", files.describe(), name);
  Json json = parse_json(as_chars(*bytes), where);
  if (!json.is_object()) throw Error(ExitCode::model, "{}: not a JSON object", where);
  return json;
}

std::string text_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<bool> flag_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || !found->is_boolean()) return std::nullopt;
  return found->get<bool>();
}

// A special token is named by a string, or by an object that holds one.
std::string special_name(const Json& config, const char* key) {
  const auto found = config.find(key);
  if (found == config.end()) return {};
  return found->is_object() ? text_of(*found, "content") : text_of(config, key);
}

VocabTxtOptions vocab_txt_options(const Json& config) {
  VocabTxtOptions options;
  options.lowercase = flag_of(config, "do_lower_case");
  options.strip_accents = flag_of(config, "strip_accents");
  options.handle_chinese_chars = flag_of(config, "tokenize_chinese_chars").value_or(true);
  options.cls = special_name(config, "cls_token");
  options.sep = special_name(config, "sep_token");
  options.unk = special_name(config, "unk_token");
  options.pad = special_name(config, "pad_token");
  options.mask = special_name(config, "mask_token");
  return options;
}

struct SentencePieceFile {
  std::string name;
  std::span<const std::byte> bytes;
};

std::optional<SentencePieceFile> find_sentencepiece(const FileSet& files) {
  for (const std::string_view name : kSentencePieceNames) {
    if (const auto bytes = files.find(name)) return SentencePieceFile{std::string(name), *bytes};
  }
  return std::nullopt;
}

// What tokenizer_config.json says of a family's text rules.
void configure_rules(const Json& config, SentencePieceRules& rules) {
  if (!rules.any()) return;
  rules.lowercase = flag_of(config, "do_lower_case").value_or(rules.lowercase);
  const auto keep_accents = flag_of(config, "keep_accents");
  if (keep_accents) rules.strip_accents = !*keep_accents;
}

TokenizerSpec sentencepiece_spec(const FileSet& files, const SentencePieceFile& file,
                                 const std::string& model_type) {
  const std::string where = files.describe() + "/" + file.name;
  const SentencePieceFacts facts = inspect_sentencepiece(file.bytes);
  if (!facts.fault.empty()) {
    throw Error(ExitCode::model, "{}: cannot read the sentencepiece model: {}", where, facts.fault);
  }
  SentencePieceSpec pieces;
  pieces.model = file.bytes;
  TokenizerSpec spec;
  const Json config = read_config(files, "tokenizer_config.json");
  spec.model = std::move(pieces);
  const std::string tokenizer_class = text_of(config, "tokenizer_class");
  const bool known = apply_tokenizer_family(tokenizer_class, facts, where, spec) ||
                     apply_tokenizer_family(model_type, facts, where, spec);
  if (known) {
    configure_rules(config, std::get<SentencePieceSpec>(spec.model).rules);
  } else if (!model_type.empty() || !tokenizer_class.empty()) {
    throw Error(ExitCode::model,
                "{}: it is not known how this model's tokenizer (class '{}', model type '{}') "
                "numbers its pieces",
                where, tokenizer_class, model_type);
  }
  return spec;
}

TokenizerSpec read_spec(const FileSet& files, const std::string& model_type) {
  if (const auto bytes = files.find("tokenizer.json")) {
    TokenizerSpec spec =
        read_tokenizer_json(as_chars(*bytes), files.describe() + "/tokenizer.json");
    if (files.find("tokenizer_config.json")) {
      const Json config = read_config(files, "tokenizer_config.json");
      const std::string name = tokenizer_class_of(config, read_config(files, "config.json"));
      apply_tokenizer_config(config, is_bert_tokenizer(name, model_type),
                             files.describe() + "/tokenizer_config.json", spec);
    }
    return spec;
  }
  if (const auto model = find_sentencepiece(files)) {
    return sentencepiece_spec(files, *model, model_type);
  }
  const auto vocab_json = files.find("vocab.json");
  const auto merges = files.find("merges.txt");
  if (vocab_json && merges) {
    const Json config = read_config(files, "tokenizer_config.json");
    MergesOptions options;
    options.add_prefix_space = flag_of(config, "add_prefix_space").value_or(false);
    options.family = text_of(config, "tokenizer_class");
    if (options.family.empty()) options.family = model_type;
    return merges_spec(as_chars(*vocab_json), as_chars(*merges), files.describe(), options);
  }
  if (const auto bytes = files.find("vocab.txt")) {
    const Json config = read_config(files, "tokenizer_config.json");
    const std::string where = files.describe() + "/vocab.txt";
    check_wordpiece_class(tokenizer_class_of(config, read_config(files, "config.json")), where);
    return vocab_txt_spec(as_chars(*bytes), where, vocab_txt_options(config));
  }
  throw Error(ExitCode::model,
              "{}: no tokenizer: found neither tokenizer.json, nor vocab.json with merges.txt, nor "
              "vocab.txt, nor a sentencepiece model ({})",
              files.describe(), fmt::join(kSentencePieceNames, ", "));
}

// One file under the name that it would have in a model folder, beside the folder's configuration.
std::unique_ptr<Tokenizer> load_single_file(const std::string& path) {
  const std::filesystem::path file(path);
  const std::string extension = file.extension().string();
  const bool json = extension == ".json";
  if (!json && extension != ".txt" && extension != ".model" && extension != ".gguf") {
    throw Error(ExitCode::model,
                "{}: not a tokenizer: expected a model folder, one of its .json, .txt or .model "
                "files, or a .gguf file",
                path);
  }
  const std::string parent = file.has_parent_path() ? file.parent_path().string() : ".";
  const DirectoryFileSet folder(parent);
  MemoryFileSet files(parent);
  const auto bytes = folder.find(file.filename().string());
  if (!bytes) throw Error(ExitCode::model, "{}: no such file", path);
  if (extension == ".gguf") {
    return make_tokenizer(read_gguf_tokenizer(GgufFile(*bytes, path), path), path);
  }
  files.add(json                  ? "tokenizer.json"
            : extension == ".txt" ? "vocab.txt"
                                  : "tokenizer.model",
            *bytes);
  for (const char* name : {"config.json", "tokenizer_config.json"}) {
    if (const auto config = folder.find(name)) files.add(name, *config);
  }
  return load_tokenizer(files, {});
}

}  // namespace

std::unique_ptr<Tokenizer> load_tokenizer(const FileSet& files, const TokenizerHints& hints) {
  std::string model_type = hints.model_type;
  if (model_type.empty()) model_type = text_of(read_config(files, "config.json"), "model_type");
  TokenizerSpec spec = read_spec(files, model_type);
  if (model_type == "model2vec" || model_type == "static") spec.special = {};
  spec.drop_unknown = hints.drop_unknown;
  return make_tokenizer(std::move(spec), files.describe());
}

std::unique_ptr<Tokenizer> load_tokenizer_from_path(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::is_directory(path, failed)) return load_single_file(path);
  return load_tokenizer(DirectoryFileSet(path), {});
}

TokenizerSpec parse_tokenizer_json(std::string_view text, const std::string& where) {
  return read_tokenizer_json(text, where);
}

}  // namespace embedtool
