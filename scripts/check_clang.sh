#!/usr/bin/env bash
# Our sources are right for clang too; with clang 14, without a warning. (A
# newer clang may have new warnings.) Its thread-safety analysis finds every guarded member locked
# (core/base/thread_annotations.hpp). Nothing is built: all of that is known before code is generated.
# To build with clang: scripts/build.sh clang. Exit 77: no clang.
#
# check_clang.sh [--all]: also the benchmarks, and the sources that declare options, of which each
# takes several seconds for CLI11's header and none holds a lock.
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
ninja -C build/clang arrow_wire/arrow_wire_generated.h >/dev/null
python3 - "${1:-}" <<'PY'
import json, os, shlex, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

def check(entry):
    """Returns whether a source is without a fault, and prints what clang says."""
    words = shlex.split(entry["command"])
    words = words[next(i for i, word in enumerate(words) if word.endswith("clang++")):]
    at = words.index("-o")
    words[at:at + 2] = ["-fsyntax-only"]
    words.remove("-c")
    run = subprocess.run(words, cwd=entry["directory"], capture_output=True, text=True)
    sys.stdout.write(run.stdout + run.stderr)
    return run.returncode == 0

def wanted(path):
    if not path.endswith(".cpp") or "/tests/" in path:
        return False
    with open(path, encoding="utf-8") as source:
        return sys.argv[1] == "--all" or "/bench/" not in path and "CLI::" not in source.read()

with open("build/clang/compile_commands.json") as file:
    entries = [entry for entry in json.load(file) if wanted(entry["file"])]
assert len(entries) > 100, f"only {len(entries)} sources"
with ThreadPoolExecutor(os.cpu_count()) as pool:
    sys.exit(0 if all(list(pool.map(check, entries))) else 1)
PY
