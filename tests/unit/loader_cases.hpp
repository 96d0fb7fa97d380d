#pragma once

// What the tests of the model loader share: a good folder to break, and what loading says.

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "core/base/error.hpp"
#include "formats/model/load_model.hpp"
#include "tests/support/model_folder.hpp"

namespace embedtool::testing {

using ModuleEntry = std::pair<std::string, std::string>;  // path, type
inline const ModuleEntry kTransformer{"", "sentence_transformers.models.Transformer"};
inline const ModuleEntry kPooling{"1_Pooling", "sentence_transformers.models.Pooling"};
inline const ModuleEntry kNormalize{"2_Normalize", "sentence_transformers.models.Normalize"};

inline LoadedModel load(Files files) {
  return load_model(in_memory(std::move(files)), "test");
}

/// The message of the error that loading ends with; "" when it does not.
inline std::string error_loading(Files files) {
  try {
    load(std::move(files));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ExitCode::model);
    return error.what();
  }
  return "";
}

/// A sentence-transformers folder: BERT, mean pooling, unit length.
inline Files sentence_files() {
  Files files = bert_files();
  files["modules.json"] = modules_json({kTransformer, kPooling, kNormalize});
  files["1_Pooling/config.json"] =
      R"({"word_embedding_dimension": 12, "pooling_mode_mean_tokens": true})";
  return files;
}

/// A model2vec folder: 5 tokens of 3 dimensions.
inline Files model2vec_files() {
  return {{"config.json", R"({"model_type": "model2vec", "normalize": true, "hidden_dim": 3,
                              "seq_length": 1000000})"},
          {"model.safetensors", safetensors_file({seeded_tensor("embeddings", {5, 3})})}};
}

}  // namespace embedtool::testing
