#include <fmt/core.h>

#include "formats/corpus/corpus_reader.hpp"
#include "formats/io/bytes_utf8.hpp"

namespace embedtool {
namespace {

/// A file is one text; its id is the file's path. The file's last line end is no part of the text,
/// so that a file of one line gives the same vector as that line.
class FileReader final : public RecordReader {
 public:
  explicit FileReader(const ReaderContext& context) : context_(context) {}

  Step next(Wait wait) override {
    if (done_) return Step::end;
    ByteWindow& window = context_.window;
    const std::size_t most = context_.options.max_line_bytes;
    while (true) {
      const auto got = window.fill(wait);
      if (got == ByteWindow::Fill::blocked) return Step::blocked;
      if (got == ByteWindow::Fill::end) break;
      if (got == ByteWindow::Fill::full) {
        return reject(fmt::format("the file is longer than {} bytes (--max-line)", most));
      }
    }
    std::string_view text = window.view();
    if (text.size() > most) {
      return reject(fmt::format("the file is longer than {} bytes (--max-line)", most));
    }
    if (!is_utf8(text)) {
      return reject(fmt::format("invalid UTF-8 at byte {} of the file", valid_utf8_prefix(text)));
    }
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    done_ = true;
    return context_.builder.add_file(text) ? Step::record : Step::rejected;
  }

 private:
  Step reject(const std::string& reason) {
    done_ = true;
    context_.builder.reject(1, {}, reason, context_.window.view());
    return Step::rejected;
  }

  ReaderContext context_;
  bool done_ = false;
};

}  // namespace

std::unique_ptr<RecordReader> open_file(const ReaderContext& context) {
  return std::make_unique<FileReader>(context);
}

}  // namespace embedtool
