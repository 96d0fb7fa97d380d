// Any configuration files of a model folder: an error or a description, never a crash. The input
// holds several files: a line "@NAME" starts the one of that name. Files that it does not give are
// those of a good folder, so that changes to one of them get past the others.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/model/load_model.hpp"
#include "formats/model/model_description.hpp"
#include "tests/support/model_folder.hpp"

namespace {

using embedtool::testing::Files;

Files good_files() {
  Files files = embedtool::testing::bert_files({.layers = 1});
  files["modules.json"] =
      embedtool::testing::modules_json({{"", "sentence_transformers.models.Transformer"},
                                        {"1_Pooling", "sentence_transformers.models.Pooling"},
                                        {"2_Dense", "sentence_transformers.models.Dense"}});
  files["1_Pooling/config.json"] = "{}";
  embedtool::testing::add_dense(files, "2_Dense", 12, 5, "torch.nn.modules.activation.Tanh");
  return files;
}

// An empty section takes its file away.
void apply(Files& files, std::string_view input) {
  std::string name = "config.json";
  std::string content;
  const auto finish = [&] {
    if (content.empty()) {
      files.erase(name);
    } else {
      files[name] = content;
    }
    content.clear();
  };
  bool any = false;
  while (!input.empty()) {
    const std::size_t end = input.find('\n');
    const std::string_view line = input.substr(0, end);
    input.remove_prefix(end == std::string_view::npos ? input.size() : end + 1);
    if (line.starts_with('@')) {
      if (any) finish();
      name = line.substr(1);
    } else {
      content += line;
    }
    any = true;
  }
  if (any) finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Files good = good_files();
  Files files = good;
  apply(files, {reinterpret_cast<const char*>(data), size});
  try {
    const auto model = embedtool::load_model(embedtool::testing::in_memory(files), "fuzz");
    for (const auto& line : embedtool::describe(model).lines) embedtool::to_text(line.value);
  } catch (const embedtool::Error&) {
    return 0;
  }
  return 0;
}
