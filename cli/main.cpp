#include <cstddef>

#include "cli/app.hpp"

int main(int argc, char** argv) {
  if (argc < 1) return embedtool::run_command_line({});
  return embedtool::run_command_line({argv + 1, static_cast<std::size_t>(argc - 1)});
}
