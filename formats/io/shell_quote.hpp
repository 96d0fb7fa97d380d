#pragma once

#include <string>
#include <string_view>

namespace embedtool {

/// `text` in single quotes, as every POSIX shell reads them.
std::string shell_quoted(std::string_view text);

/// `text` as one word of a shell's command: quoted only where it must be.
std::string shell_word(std::string_view text);

}  // namespace embedtool
