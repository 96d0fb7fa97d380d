#!/usr/bin/env bash
# Our sources are right for clang too; with clang 14, without a warning. (A newer clang may have new
# warnings.) Its thread-safety analysis finds every guarded member locked
# (core/base/thread_annotations.hpp). Nothing is built: all of that is known before code is generated.
# To build with clang: scripts/build.sh clang. Exit 77: no clang.
#
# check_clang.sh [--all]: every source, benchmarks included, which takes ten CPU-minutes. Without
# --all, those that may take or forget a lock, where the analysis has work to do.
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
ninja -C build/clang --quiet embedtool_arrow_wire
python3 - "${1:-}" <<'PY'
import json, os, re, shlex, subprocess, sys
from concurrent.futures import ThreadPoolExecutor

everything = sys.argv[1] == "--all"

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

def includes(path):
    """Our headers that a file includes itself."""
    with open(path, encoding="utf-8") as source:
        return [name for name in re.findall(r'^#include "([^"]+)"', source.read(), re.MULTILINE)
                if os.path.exists(name)]

def may_lock(path):
    """Whether a source uses Mutex, or defines members of a class that has one: those are private."""
    own = includes(path)
    return any("core/base/mutex.hpp" in (name, *includes(name)) for name in own)

def wanted(path):
    return path.endswith(".cpp") and "/tests/" not in path and (everything or may_lock(path))

with open("build/clang/compile_commands.json") as file:
    entries = [entry for entry in json.load(file) if wanted(entry["file"])]
assert len(entries) > (300 if everything else 15), f"only {len(entries)} sources"
with ThreadPoolExecutor(os.cpu_count()) as pool:
    sys.exit(0 if all(list(pool.map(check, entries))) else 1)
PY
