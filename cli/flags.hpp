#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/enum_words.hpp"

// What declares options sees CLI11 only through FlagGroup: its header takes several seconds to
// compile.
namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace embedtool {

/// The variable that sets an option: `--batch-size` → `EMBEDTOOL_BATCH_SIZE`.
std::string environment_name(std::string_view long_option);

/// A number of bytes as typed: 1000000, 512K, 64M, 8G (powers of 1024; a B or iB may follow).
/// Throws Error(usage) naming the option.
std::uint64_t parse_size(std::string_view option, std::string_view word);

/// A time as typed, in seconds: 30, 30s, 500ms, 2m or 1h. Throws Error(usage) naming the option.
double parse_duration(std::string_view option, std::string_view word);

/// An argument or option that was declared, for what else there is to say about it. Refers to the
/// parser's own, which must outlive it.
class Flag {
 public:
  explicit Flag(CLI::Option* option) : option_(option) {}

  /// A command line without it is an error.
  Flag required() const;
  /// So is one with both.
  Flag excludes(Flag other) const;
  /// What the target holds now is shown as the default.
  Flag shows_default() const;
  /// "a,b" is two values.
  Flag split_at_commas() const;
  /// A number in [least, most].
  Flag within(double least, double most) const;

 private:
  CLI::Option* option_;
};

/// Declares an argument without a dash; the usage line names it, not the list of options.
Flag declare_argument(CLI::App& app, const std::string& name, std::string& target);
/// Any number of them.
Flag declare_arguments(CLI::App& app, const std::string& name, std::vector<std::string>& target);

/// Declares the options of one heading in `--help`. Every option made here can also be set in a
/// configuration file (by its long name) and by its environment variable. The targets must outlive
/// the parse.
class FlagGroup {
 public:
  FlagGroup(CLI::App& app, std::string title) : app_(app), title_(std::move(title)) {}

  /// An option with a value: a string, a number, or an optional one (flags.cpp lists the types).
  /// `names` is "-o,--output" or "--dims"; `metavar` stands for the value.
  template <typename T>
  Flag value(const std::string& names, T& target, const std::string& metavar,
             const std::string& help);

  /// A file or folder; an empty name, as an unset shell variable makes, is refused.
  Flag path(const std::string& names, std::string& target, const std::string& metavar,
            const std::string& help);

  /// A string that may be empty: set whenever it was given.
  Flag text(const std::string& names, std::optional<std::string>& target,
            const std::string& metavar, const std::string& help);

  /// A whole number of at least `least`.
  template <typename T>
  Flag count(const std::string& names, T& target, const std::string& help, std::uint64_t least = 1);

  /// A whole number of at least 1, or the word.
  Flag count_or(const std::string& names, std::string& target, const std::string& word,
                const std::string& help);

  /// An option that may be given several times; each occurrence takes one value.
  Flag list(const std::string& names, std::vector<std::string>& target, const std::string& metavar,
            const std::string& help);

  /// One of an enumeration's words; the target's value is the default.
  template <HasWords E>
  Flag choice(const std::string& names, E& target, const std::string& help) {
    return choice_of(names, all_words<E>(), std::string(name_of(target)), is_word<E>, help,
                     [&target](const std::string& word) { target = *find_named<E>(word); });
  }
  /// The same with a default that is decided later.
  template <HasWords E>
  Flag choice(const std::string& names, std::optional<E>& target, const std::string& help) {
    return choice_of(names, all_words<E>(), "", is_word<E>, help,
                     [&target](const std::string& word) { target = find_named<E>(word); });
  }
  /// One of a list of words that is no enumeration.
  Flag choice(const std::string& names, std::string& target, const std::vector<std::string>& words,
              const std::string& help);

  /// A switch.
  Flag flag(const std::string& names, bool& target, const std::string& help);

 private:
  template <typename T>
  CLI::Option* add_value(const std::string& names, T& target, const std::string& metavar,
                         const std::string& help);
  CLI::Option* finish(CLI::Option* option);

  template <HasWords E>
  static bool is_word(const std::string& word) {
    return find_named<E>(word).has_value();
  }
  /// `accepts` decides; `words` are what help and errors list. `usual` is shown as the default.
  Flag choice_of(const std::string& names, std::vector<std::string> words, const std::string& usual,
                 std::function<bool(const std::string&)> accepts, const std::string& help,
                 std::function<void(const std::string&)> take);

  CLI::App& app_;
  std::string title_;
};

/// Long option names of `app` ("--model", …), for suggestions.
std::vector<std::string> long_options(const CLI::App& app);

}  // namespace embedtool
