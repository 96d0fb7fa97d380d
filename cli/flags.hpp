#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_words.hpp"

namespace embedtool {

/// The variable that sets an option: `--batch-size` → `EMBEDTOOL_BATCH_SIZE`.
std::string environment_name(std::string_view long_option);

/// A number of bytes as typed: 1000000, 512K, 64M, 8G (powers of 1024; a B or iB may follow).
/// Throws Error(usage) naming the option.
std::uint64_t parse_size(std::string_view option, std::string_view word);

/// A time as typed, in seconds: 30, 30s, 500ms, 2m or 1h. Throws Error(usage) naming the option.
double parse_duration(std::string_view option, std::string_view word);

/// Declares the options of one heading in `--help`. Every option made here can also be set in a
/// configuration file (by its long name) and by its environment variable. The targets must outlive
/// the parse.
class FlagGroup {
 public:
  FlagGroup(CLI::App& app, std::string title) : app_(app), title_(std::move(title)) {}

  /// An option with a value. `names` is "-o,--output" or "--dims"; `metavar` stands for the value.
  template <typename T>
  CLI::Option* value(const std::string& names, T& target, const std::string& metavar,
                     const std::string& help) {
    return finish(app_.add_option(names, target, help)->option_text(metavar)->take_last());
  }

  /// A file or folder; an empty name, as an unset shell variable makes, is refused.
  CLI::Option* path(const std::string& names, std::string& target, const std::string& metavar,
                    const std::string& help);

  /// A string that may be empty: set whenever it was given.
  CLI::Option* text(const std::string& names, std::optional<std::string>& target,
                    const std::string& metavar, const std::string& help);

  /// A whole number of at least `least`.
  template <typename T>
  CLI::Option* count(const std::string& names, T& target, const std::string& help,
                     std::uint64_t least = 1) {
    return value(names, target, "N", help)->check(whole_number(least));
  }

  /// A whole number of at least 1, or the word.
  CLI::Option* count_or(const std::string& names, std::string& target, const std::string& word,
                        const std::string& help);

  /// An option that may be given several times; each occurrence takes one value.
  CLI::Option* list(const std::string& names, std::vector<std::string>& target,
                    const std::string& metavar, const std::string& help) {
    return finish(app_.add_option(names, target, help)->option_text(metavar))
        ->allow_extra_args(false);
  }

  /// One of an enumeration's words; the target's value is the default.
  template <HasWords E>
  CLI::Option* choice(const std::string& names, E& target, const std::string& help) {
    return choice_of(names, all_words<E>(), is_word<E>, help,
                     [&target](const std::string& word) { target = *find_named<E>(word); })
        ->default_str(std::string(name_of(target)));
  }
  /// The same with a default that is decided later.
  template <HasWords E>
  CLI::Option* choice(const std::string& names, std::optional<E>& target, const std::string& help) {
    return choice_of(names, all_words<E>(), is_word<E>, help,
                     [&target](const std::string& word) { target = find_named<E>(word); });
  }
  /// One of a list of words that is no enumeration.
  CLI::Option* choice(const std::string& names, std::string& target,
                      const std::vector<std::string>& words, const std::string& help);

  /// A switch.
  CLI::Option* flag(const std::string& names, bool& target, const std::string& help) {
    return finish(app_.add_flag(names, target, help));
  }

 private:
  CLI::Option* finish(CLI::Option* option);
  static CLI::Validator whole_number(std::uint64_t least);

  template <HasWords E>
  static bool is_word(const std::string& word) {
    return find_named<E>(word).has_value();
  }
  /// `accepts` decides; `words` are what help and errors list.
  CLI::Option* choice_of(const std::string& names, std::vector<std::string> words,
                         std::function<bool(const std::string&)> accepts, const std::string& help,
                         std::function<void(const std::string&)> take);

  CLI::App& app_;
  std::string title_;
};

/// `--help` as embedtool prints it: usage, what it is for, options under their headings.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) { column_width(31); }

  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode mode) const override;
  std::string make_option_name(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_option_desc(const CLI::Option* option) const override;

 private:
  std::string usage_;
};

/// Long option names of `app` ("--model", …), for suggestions.
std::vector<std::string> long_options(const CLI::App& app);

}  // namespace embedtool
