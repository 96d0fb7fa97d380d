#include "formats/hub/hub_settings.hpp"

#include <algorithm>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "core/base/error.hpp"
#include "formats/hub/small_file.hpp"

namespace embedtool {
namespace {

std::string variable(const Environment& environment, const char* name) {
  const char* value = environment(name);
  return value == nullptr ? "" : value;
}

bool is_true(std::string word) {
  std::transform(word.begin(), word.end(), word.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return word == "1" || word == "ON" || word == "YES" || word == "TRUE";
}

std::string without_final_slashes(std::string text) {
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

// A path from a variable, "~/" at its beginning replaced; "" = not set.
std::string path_in(const Environment& environment, const char* name) {
  std::string path = variable(environment, name);
  if (path == "~" || path.starts_with("~/")) {
    path.replace(0, 1, variable(environment, "HOME"));
  }
  return without_final_slashes(path);
}

// HF_HOME or where it is by default; "" = unknown.
std::string hub_home(const Environment& environment) {
  if (std::string home = path_in(environment, "HF_HOME"); !home.empty()) return home;
  std::string caches = path_in(environment, "XDG_CACHE_HOME");
  const std::string home = variable(environment, "HOME");
  if (caches.empty() && !home.empty()) caches = home + "/.cache";
  return caches.empty() ? "" : caches + "/huggingface";
}

std::string trimmed(std::string text) {
  const auto is_blank = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && is_blank(text.back())) text.pop_back();
  const auto first = std::find_if_not(text.begin(), text.end(), is_blank);
  text.erase(text.begin(), first);
  return text;
}

}  // namespace

const char* process_environment(const char* name) {
  return std::getenv(name);
}

HubSettings hub_settings(const Environment& environment) {
  HubSettings settings;
  const std::string home = hub_home(environment);
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (settings.cache.empty()) settings.cache = path_in(environment, name);
  }
  if (settings.cache.empty() && !home.empty()) settings.cache = home + "/hub";
  settings.token_file = path_in(environment, "HF_TOKEN_PATH");
  if (settings.token_file.empty() && !home.empty()) settings.token_file = home + "/token";
  settings.endpoint = without_final_slashes(variable(environment, "HF_ENDPOINT"));
  if (settings.endpoint.empty()) settings.endpoint = "https://huggingface.co";
  settings.offline = is_true(variable(environment, "HF_HUB_OFFLINE")) ||
                     is_true(variable(environment, "TRANSFORMERS_OFFLINE"));
  return settings;
}

std::string hub_token(const HubSettings& settings, const Environment& environment) {
  constexpr std::size_t kMost = 4096;
  std::string from = "HF_TOKEN";
  std::string token = trimmed(variable(environment, "HF_TOKEN"));
  if (token.empty() && !settings.token_file.empty()) {
    from = settings.token_file;
    token = trimmed(read_small_file(settings.token_file, kMost).value_or(""));
  }
  // It becomes part of a header, where a line break would begin another one.
  if (std::any_of(token.begin(), token.end(), [](char c) { return c <= ' ' || c > '~'; })) {
    throw Error(ExitCode::usage, "{}: contains a blank or a control character; is it a token?",
                from);
  }
  return token;
}

}  // namespace embedtool
