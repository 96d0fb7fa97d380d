#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace embedtool {

/// Something that is not a corpus.
struct ForeignKind {
  std::string_view what;    ///< "a ZIP archive"
  std::string_view remedy;  ///< a clause; {} stands for the file's name, quoted for a shell
  bool textual = false;     ///< it may be text; whoever names a format means it
};

/// The kind that an input's first block (unpacked, as stored) shows, or null.
const ForeignKind* foreign_kind_of(std::string_view head);
/// For what is none of those and no text in UTF-16 or UTF-32: whether it is text at all; null, or
/// "binary data".
const ForeignKind* binary_kind_of(std::string_view head);

/// "NAME: is a ZIP archive, not a corpus; unzip -p NAME | embedtool …".
std::string explain(const ForeignKind& kind, std::string_view file_name);

}  // namespace embedtool
