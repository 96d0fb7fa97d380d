#pragma once

#include <functional>
#include <string>

namespace embedtool {

/// Looks a variable up, as std::getenv does: null = not set.
using Environment = std::function<const char*(const char* name)>;
const char* process_environment(const char* name);

/// What the environment says about the hub. The variables and their precedence are those of
/// huggingface_hub, so that both programs share a cache; an empty variable counts as unset.
struct HubSettings {
  /// The folder of models--ORG--NAME folders: HF_HUB_CACHE, else HUGGINGFACE_HUB_CACHE, else
  /// hub/ in HF_HOME, else huggingface/hub/ in XDG_CACHE_HOME or ~/.cache. "" = there is no HOME.
  std::string cache;
  std::string endpoint;    ///< HF_ENDPOINT without a final slash, or https://huggingface.co
  std::string token_file;  ///< HF_TOKEN_PATH, else token in HF_HOME
  bool offline = false;    ///< HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE
};
HubSettings hub_settings(const Environment& environment = process_environment);

/// HF_TOKEN, else the token file's text, else "". Throws Error(usage) when it cannot be a token,
/// because of a blank or control character in it.
std::string hub_token(const HubSettings& settings,
                      const Environment& environment = process_environment);

}  // namespace embedtool
