#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <utility>

namespace embedtool {

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

}  // namespace embedtool
