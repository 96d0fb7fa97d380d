#!/usr/bin/env bash
# Our sources, benchmarks among them, compile with clang too; with clang 14, without a warning. (A
# newer clang may have new warnings.) Its thread-safety analysis finds every guarded member locked
# (core/base/thread_annotations.hpp). Exit 77: no clang.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v clang++ >/dev/null || { echo "skipped: no clang++ here"; exit 77; }

# The annotations are no empty macros: an unlocked write must be an error.
unlocked='#include "core/base/mutex.hpp"
class Counter {
 public:
  void increment() { ++value_; }

 private:
  embedtool::Mutex mutex_;
  int value_ EMBEDTOOL_GUARDED_BY(mutex_) = 0;
};'
if said=$(clang++ -std=c++20 -I. -Wthread-safety -Werror=thread-safety -fsyntax-only -x c++ - \
  <<<"$unlocked" 2>&1) || [[ $said != *"requires holding mutex 'mutex_'"* ]]; then
  printf 'clang does not report an unlocked write:\n%s\n' "$said"
  exit 1
fi

# Configured each time: an older build folder may have other flags than the preset's of today.
werror=OFF
[[ $(clang++ -dumpversion) == 14.* ]] && werror=ON
cmake --preset clang -D EMBEDTOOL_WERROR="$werror" >/dev/null
scripts/build.sh clang embedtool benchmarks
