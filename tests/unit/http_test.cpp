#include "formats/hub/http.hpp"

#include <gtest/gtest.h>

namespace embedtool {
namespace {

std::string resolved(std::string_view location) {
  const auto url = resolve_location(*parse_url("https://hub.example/a/b/c?d=e"), location);
  return url ? url->text() : "refused";
}

TEST(Urls, AreCutAndPutTogether) {
  const auto url = parse_url("HTTPS://Hub.Example:8443/A/b?c=d#e");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "hub.example");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->rest, "/A/b?c=d");
  EXPECT_EQ(parse_url("http://h")->text(), "http://h/");
  EXPECT_EQ(parse_url("http://[::1]:8080/x")->host, "[::1]");
  EXPECT_EQ(parse_url("http://[::1]/x")->port, 80);
}

TEST(Urls, ThatCouldBeMisreadAreRefused) {
  for (const char* text : {"", "hub.example", "ftp://h/x", "file:///etc/passwd", "http://u@h/x",
                           "http://u:p@h/x", "http://h:0/", "http://h:99999/", "http://h:x/",
                           "http:///x", "http://h/a b", "http://h/\r\nX: y", "http://h\\@evil/"}) {
    EXPECT_FALSE(parse_url(text)) << text;
  }
  EXPECT_FALSE(parse_url("http://h/" + std::string(9000, 'a')));
}

TEST(Urls, LocationsAreRelativeOrNot) {
  EXPECT_EQ(resolved("/x?y"), "https://hub.example/x?y");
  EXPECT_EQ(resolved("x"), "https://hub.example/a/b/x");
  EXPECT_EQ(resolved("?x=http://y/"), "https://hub.example/a/b/?x=http://y/");
  EXPECT_EQ(resolved("//cdn.example/x"), "https://cdn.example/x");
  EXPECT_EQ(resolved("http://cdn.example:81/x"), "http://cdn.example:81/x");
  EXPECT_EQ(resolved("file:///x"), "refused");
  EXPECT_EQ(resolved(""), "refused");
}

TEST(Urls, OriginsDifferByHostSchemeAndPort) {
  const Url url = *parse_url("https://hub.example/x");
  EXPECT_TRUE(url.same_origin(*parse_url("https://HUB.example:443/y")));
  for (const char* other : {"http://hub.example/", "https://hub.example:444/",
                            "https://hub.example.evil/", "https://cdn.hub.example/"}) {
    EXPECT_FALSE(url.same_origin(*parse_url(other))) << other;
  }
  EXPECT_TRUE(parse_url("http://127.0.0.1:1/")->is_loopback());
  EXPECT_TRUE(parse_url("http://[::1]:1/")->is_loopback());
  EXPECT_FALSE(parse_url("http://localhost.evil/")->is_loopback());
  EXPECT_FALSE(parse_url("http://127.evil.example/")->is_loopback());
}

}  // namespace
}  // namespace embedtool
