// Names of models and revisions, and addresses: what is accepted is safe as part of a path and
// means the same when it is written out and read again.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/hub/http.hpp"
#include "formats/hub/hub_name.hpp"

namespace {

void require(bool condition) {
  if (!condition) __builtin_trap();
}

bool leads_up(const std::string& path) {
  return path.front() == '/' || ("/" + path + "/").find("/../") != std::string::npos ||
         ("/" + path + "/").find("/./") != std::string::npos ||
         path.find('\0') != std::string::npos;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace embedtool;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto name = find_hub_name(text)) {
    require(!leads_up(name->repo) && !leads_up(name->revision));
    const std::string folder = cache_folder_of(name->repo);
    require(folder.find('/') == std::string::npos && repo_of_cache_folder(folder) == name->repo);
    require(find_hub_name(to_string(*name)) == name);
  }
  if (const auto repo = repo_of_cache_folder(text)) require(cache_folder_of(*repo) == text);
  if (const auto url = parse_url(text)) {
    const auto again = parse_url(url->text());
    require(again && again->same_origin(*url) && again->rest == url->rest);
  }
  const Url base{"https", "hub.example", 443, "/a/b?c"};
  if (const auto url = resolve_location(base, text)) {
    require(url->scheme == "http" || url->scheme == "https");
    require(parse_url(url->text()).has_value());
  }
  return 0;
}
