#include "formats/hub/hub_settings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "tests/support/temp_folder.hpp"

namespace embedtool {
namespace {

using Variables = std::map<std::string, std::string>;

Environment environment_of(const Variables& variables) {
  return [&variables](const char* name) {
    const auto found = variables.find(name);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
}

HubSettings settings_of(const Variables& variables) {
  return hub_settings(environment_of(variables));
}

TEST(HubSettings, CacheIsWherePythonHasIt) {
  Variables all{{"HOME", "/home/me"}};
  EXPECT_EQ(settings_of(all).cache, "/home/me/.cache/huggingface/hub");
  all["XDG_CACHE_HOME"] = "/xdg";
  EXPECT_EQ(settings_of(all).cache, "/xdg/huggingface/hub");
  all["HF_HOME"] = "~/hf/";
  EXPECT_EQ(settings_of(all).cache, "/home/me/hf/hub");
  all["HUGGINGFACE_HUB_CACHE"] = "/old";
  EXPECT_EQ(settings_of(all).cache, "/old");
  all["HF_HUB_CACHE"] = "/new/";
  EXPECT_EQ(settings_of(all).cache, "/new");
  all["HF_HUB_CACHE"] = "";
  EXPECT_EQ(settings_of(all).cache, "/old");
  EXPECT_EQ(settings_of({}).cache, "");
}

TEST(HubSettings, EndpointAndOffline) {
  EXPECT_EQ(settings_of({}).endpoint, "https://huggingface.co");
  EXPECT_EQ(settings_of({{"HF_ENDPOINT", "http://127.0.0.1:80/"}}).endpoint, "http://127.0.0.1:80");
  EXPECT_FALSE(settings_of({{"HF_HUB_OFFLINE", "0"}}).offline);
  EXPECT_TRUE(settings_of({{"HF_HUB_OFFLINE", "1"}}).offline);
  EXPECT_TRUE(settings_of({{"TRANSFORMERS_OFFLINE", "yes"}}).offline);
}

TEST(HubSettings, TokenIsTheVariableOrTheFile) {
  const testing::TempFolder folder;
  folder.write("token", "hf_file\n");
  Variables all{{"HF_HOME", folder.path().string()}};
  const auto token = [&all] { return hub_token(settings_of(all), environment_of(all)); };
  EXPECT_EQ(token(), "hf_file");
  all["HF_TOKEN"] = " hf_variable ";
  EXPECT_EQ(token(), "hf_variable");
  all["HF_TOKEN"] = "hf\r\nHost: other";
  EXPECT_THROW(token(), Error);
  all.erase("HF_TOKEN");
  all["HF_TOKEN_PATH"] = folder / "none";
  EXPECT_EQ(token(), "");
}

}  // namespace
}  // namespace embedtool
