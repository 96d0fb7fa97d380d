#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/error.hpp"
#include "core/text/split/pattern.hpp"
#include "core/text/unicode/unicode.hpp"

namespace embedtool {
namespace {

// Enough for any sane expression over a text of megabytes, and an end for the others.
constexpr std::uint32_t kMatchLimit = 50'000'000;
constexpr std::uint32_t kHeapLimitKiB = 64 * 1024;
constexpr std::size_t kMaxRegexBytes = 64 * 1024;

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* match) const { pcre2_match_data_free(match); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

// The expressions are written for Oniguruma, to which white space is the property of that name.
// What means something else there than here is refused. Letters of the last years of Unicode, which
// PCRE2 does not know yet, are none to it.
std::string translate(const std::string& regex, const std::string& where) {
  constexpr std::string_view kOtherwise = "wWbBhHRXKGZ";
  std::string out;
  for (std::size_t at = 0; at < regex.size(); ++at) {
    if (regex[at] != '\\' || at + 1 == regex.size()) {
      out.push_back(regex[at]);
      continue;
    }
    const char next = regex[++at];
    if (kOtherwise.find(next) != std::string_view::npos) {
      throw Error(ExitCode::model, "{}: '\\{}' in the regular expression '{}' is not supported",
                  where, next, regex);
    }
    if (next == 's') {
      out += "\\p{White_Space}";
    } else if (next == 'S') {
      out += "\\P{White_Space}";
    } else {
      out += {'\\', next};
    }
  }
  return out;
}

class RegexPattern : public Pattern {
 public:
  RegexPattern(const std::string& regex, const std::string& where) : regex_(regex), where_(where) {
    if (regex.size() > kMaxRegexBytes) {
      throw Error(ExitCode::model, "{}: a regular expression of {} bytes is too long", where,
                  regex.size());
    }
    const std::string translated = translate(regex, where);
    int code = 0;
    std::size_t offset = 0;
    code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                              PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &code, &offset,
                              nullptr));
    context_.reset(pcre2_match_context_create(nullptr));
    if (!code_ || !context_) {
      throw Error(ExitCode::model, "{}: the regular expression '{}' cannot be compiled: {}", where,
                  regex, message_of(code));
    }
    pcre2_set_match_limit(context_.get(), kMatchLimit);
    pcre2_set_heap_limit(context_.get(), kHeapLimitKiB);
    // Without the compiler everything still works, more slowly.
    static_cast<void>(pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE));
  }

  // Allocates a block for the match: expressions that are not worth a scanner pay that a piece.
  void find_all(std::string_view text, std::vector<TextSpan>& matches) const override {
    const std::unique_ptr<pcre2_match_data, FreeMatch> match(
        pcre2_match_data_create_from_pattern(code_.get(), nullptr));
    if (!match) throw Error(ExitCode::failed, "{}: out of memory", where_);
    const auto* ends = pcre2_get_ovector_pointer(match.get());
    const auto* subject = reinterpret_cast<PCRE2_SPTR>(text.data());
    for (std::size_t at = 0; at <= text.size();) {
      int found =
          pcre2_match(code_.get(), subject, text.size(), at, 0, match.get(), context_.get());
      if (found == PCRE2_ERROR_JIT_STACKLIMIT) {
        found = pcre2_match(code_.get(), subject, text.size(), at, PCRE2_NO_JIT, match.get(),
                            context_.get());
      }
      if (found == PCRE2_ERROR_NOMATCH) return;
      if (found < 0) {
        throw Error(ExitCode::model, "{}: the regular expression '{}' failed on a text: {}", where_,
                    regex_, message_of(found));
      }
      if (ends[1] > ends[0]) matches.push_back({ends[0], ends[1]});
      at = std::max(ends[1], at);
      if (ends[1] == ends[0]) at = next_character(text, at);
    }
  }

  CutRule cuts() const override { return {}; }
  bool only_space() const override { return false; }

 private:
  static std::size_t next_character(std::string_view text, std::size_t at) {
    ++at;
    while (at < text.size() && unicode::is_continuation(text[at])) ++at;
    return at;
  }

  std::string regex_;
  std::string where_;
  std::unique_ptr<pcre2_code, FreeCode> code_;
  std::unique_ptr<pcre2_match_context, FreeContext> context_;
};

}  // namespace

std::unique_ptr<Pattern> make_regex_pattern(const std::string& regex, const std::string& where) {
  return std::make_unique<RegexPattern>(regex, where);
}

}  // namespace embedtool
