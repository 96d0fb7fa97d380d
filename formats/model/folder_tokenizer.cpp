#include "formats/model/folder_tokenizer.hpp"

#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/model/families/arch.hpp"
#include "formats/io/json_document.hpp"
#include "formats/model/model_files.hpp"
#include "formats/model/model_limits.hpp"
#include "formats/model/model_modules.hpp"
#include "formats/tokenizer/model_tokenizer.hpp"
#include "formats/tokenizer/tokenizer_files.hpp"

namespace embedtool {
namespace {

// A model that cannot be run may still have a tokenizer: what cannot be read of it is left out.
template <typename T, typename Read>
T read_if_possible(const Read& read) {
  try {
    return read();
  } catch (const Error&) {
    return T{};
  }
}

ModelSpec spec_of(const FileSet& files) {
  const auto bytes = files.find("config.json");
  if (!bytes.has_value()) return {};
  std::vector<std::string> notes;
  const std::string where = files.describe() + "/config.json";
  return describe_model(JsonConfig::parse(as_chars(*bytes), where), where, notes);
}

}  // namespace

FolderTokenizer open_folder_tokenizer(const FileSet& files) {
  std::vector<std::string> notes;
  const auto chain = read_if_possible<ModuleChain>([&] { return read_modules(files); });
  const SubfolderFileSet folder(files, chain.encoder_folder);
  const auto spec = read_if_possible<ModelSpec>([&] { return spec_of(folder); });
  const TransformerSettings settings = read_if_possible<TransformerSettings>(
      [&] { return read_transformer_settings(folder, notes); });
  FolderTokenizer out;
  TokenizerHints hints;
  if (chain.is_static) hints.model_type = "static";
  out.tokenizer = load_tokenizer(folder, hints);
  if (settings.lower_case) out.tokenizer = lower_casing(std::move(out.tokenizer));
  if (!chain.is_static) out.limit = transformer_limit(folder, settings, spec, notes).value;
  out.prompts = read_if_possible<PromptSettings>([&] { return read_prompts(files, notes); });
  return out;
}

}  // namespace embedtool
