// What a hub answers: revisions and listings. Whatever is accepted can be stored below a folder,
// under names that clash with no other, and is chosen from without surprises.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.hpp"
#include "formats/hub/content_check.hpp"
#include "formats/hub/file_choice.hpp"
#include "formats/hub/hub_listing.hpp"
#include "formats/hub/hub_name.hpp"

namespace {

void require(bool condition) {
  if (!condition) __builtin_trap();
}

void check(const std::vector<embedtool::HubFile>& files) {
  for (const embedtool::HubFile& file : files) {
    require(!file.path.empty() && file.path.front() != '/' && file.path.back() != '/');
    require(("/" + file.path + "/").find("/../") == std::string::npos);
    require(file.path.find('\0') == std::string::npos);
    require(embedtool::is_content_name(file.hash));
  }
  const embedtool::FileChoice choice = embedtool::choose_files(files, {{"*.gguf"}, {"o*"}});
  std::size_t left = 0;
  for (const embedtool::LeftFiles& group : choice.left) left += group.files;
  require(choice.taken.size() + left == files.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    require(is_commit(parse_revision(text, "fuzz")));
  } catch (const Error& error) {
    require(error.code() == ExitCode::failed);
  }
  try {
    std::vector<HubFile> files;
    parse_listing(text, "fuzz", files);
    check_listing(files, "fuzz");
    check(files);
  } catch (const Error& error) {
    require(error.code() == ExitCode::failed);
  }
  return 0;
}
