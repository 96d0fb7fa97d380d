// Lists of names (--files-from): the first byte picks options, the rest is the list. Names that are
// there are found, others are an Error; names come back as they were written.
#include "formats/corpus/input_list.hpp"
#include "tests/fuzz/corpus_fuzzing.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  PackedNames names;
  std::vector<std::string> wanted;
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    names.add(rest.substr(0, end));
    wanted.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    fuzzing::require(names.at(i) == wanted[i], "a name has changed");
  }
  // Absolute names could be anything on this machine, and pipes would wait.
  if (bytes.find('/') != bytes.npos || bytes.find('.') != bytes.npos) return 0;
  const fuzzing::MemoryFile file(bytes);
  CorpusOptions options;
  options.files_from = file.path();
  options.nul_names = (data[0] & 1) != 0;
  try {
    const InputList list(options);
    for (std::size_t i = 0; i < list.size(); ++i) {
      fuzzing::require(is_utf8(list.name(i)), "a name for messages is no text");
    }
  } catch (const Error& error) {
    fuzzing::require(is_utf8(error.what()), "an error is no text");
  }
  return 0;
}
