#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "formats/corpus/corpus_fields.hpp"

namespace embedtool {

/// Parses one JSON object, validates all of it and collects the wanted fields. If a key appears
/// twice in an object, the last value counts, as in Python and JavaScript. Recycles its buffers;
/// one that grew for a giant record is freed afterwards. Not thread-safe.
class JsonWalker {
 public:
  /// `plan` must outlive the walker. Values nested deeper than `max_depth` are an error.
  JsonWalker(const FieldPlan& plan, std::size_t max_depth);
  ~JsonWalker();
  JsonWalker(const JsonWalker&) = delete;
  JsonWalker& operator=(const JsonWalker&) = delete;

  /// Walks `json`, after which ByteWindow::kPadding bytes must be readable. False if it is not one
  /// valid JSON object: error() gives the reason. `fields` holds views into `json` and the walker,
  /// valid until the next walk.
  bool walk(std::string_view json, RecordFields& fields);
  const std::string& error() const { return error_; }

 private:
  struct Parser;

  const FieldPlan& plan_;
  std::size_t max_depth_;
  std::unique_ptr<Parser> parser_;
  std::string error_;
};

}  // namespace embedtool
