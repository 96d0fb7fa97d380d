#!/usr/bin/env bash
# Job arrays on the engines that run here: a Slurm of two nodes, GNU parallel, make, Snakemake. Each
# makes the output of one process. Skips what is not installed, saying so.
# shellcheck source=tests/cli/lib.sh
source "$(dirname "$0")/../cli/lib.sh" "$1"
SHIM=$(dirname "$BIN")/tests/libfault_shim.so
ran=0

corpus 1500 >in.jsonl
cat >task.sh <<END
#!/bin/bash
# task.sh ARGUMENT…: encodes a part of the corpus.
exec "$BIN" encode -q -m "$MODEL" "$WORK/in.jsonl" --unit 4K --max-length 32 --threads 1 "\$@"
END
chmod +x task.sh
./task.sh -o one --part 1/1
run 0 merge one
# merged OUT NAME: the output of an engine is that of one process.
merged() {
  run 0 merge "$1"
  run 0 verify "$1"
  [[ $(data "$1") == "$(data one)" ]] || fail "$2 makes another output"
  echo "$2: the same output"
  ran=$((ran + 1))
}

if command -v parallel >/dev/null; then
  parallel --will-cite -j 2 ./task.sh -o by-parallel --part auto/5 ::: 1 2 3 4 5
  merged by-parallel "GNU parallel"
else
  echo "no GNU parallel here"
fi

if command -v make >/dev/null; then
  mkdir by-make
  cat >by-make/Makefile <<END
PARTS := \$(addprefix parts/,1 2 3 4)
out/manifest.json: \$(PARTS)
	"$BIN" merge -q out
parts/%:
	../task.sh -o out --part \$*/4
	mkdir -p parts && touch \$@
END
  make -s -j 2 -C by-make
  merged by-make/out "make -j"
else
  echo "no make here"
fi

if command -v snakemake >/dev/null; then
  mkdir by-snakemake
  cat >by-snakemake/Snakefile <<END
rule all:
    input: "out/manifest.json"
rule merge:
    input: expand("parts/{k}", k=range(1, 4))
    output: "out/manifest.json"
    shell: "$BIN merge -q out"
rule part:
    output: touch("parts/{k}")
    shell: "../task.sh -o out --part {wildcards.k}/3"
END
  (cd by-snakemake && snakemake -q -j 2 >snakemake.log 2>&1) || fail "snakemake: $(tail by-snakemake/snakemake.log)"
  merged by-snakemake/out "Snakemake"
else
  echo "no Snakemake here"
fi

stop_cluster() {
  local pids
  pids=$(cat "$cluster"/*.pid) || true
  bash "$SHARED/slurm-test-cluster.sh" "$cluster" stop
  # Daemons write their state as they end, into folders that would be removed meanwhile.
  for _ in $(seq 100); do
    # shellcheck disable=SC2086
    kill -0 $pids 2>/dev/null || return 0
    sleep 0.1
  done
}

# Slurm: tasks that die, are requeued, and run twice at once; what is missing then goes to another
# array.
slurm() {
  [[ $(id -u) == 0 && -x $SHARED/slurm-test-cluster.sh ]] || { echo "no Slurm here"; return 0; }
  [[ -e $SHIM ]] || { echo "no preloadable library in this build"; return 0; }
  cluster=$WORK/slurm
  bash "$SHARED/slurm-test-cluster.sh" "$cluster" start >slurm.log 2>&1 ||
    { echo "Slurm does not start here: $(tail -n 1 slurm.log)"; return 0; }
  trap 'stop_cluster; rm -rf "$WORK"' EXIT
  # The cluster's libraries are for its own programs alone.
  cat >array.sh <<END
#!/bin/bash
cd "$WORK"
unset LD_LIBRARY_PATH
case \$SLURM_ARRAY_TASK_ID-\${SLURM_RESTART_COUNT:-0} in
  1-0 | 4-0 | 6-0) LD_PRELOAD=$SHIM FAULT_UNDER=$WORK/by-slurm FAULT_AT=60 FAULT_MODE=kill \
      ./task.sh -o by-slurm --part auto ;;
  2-*) ./task.sh -o by-slurm --part auto & ./task.sh -o by-slurm --part auto; wait ;;
  *) ./task.sh -o by-slurm --part auto ;;
esac
END
  cat >rest.sh <<END
#!/bin/bash
cd "$WORK"
unset LD_LIBRARY_PATH
./task.sh -o by-slurm --part auto --units @missing
END
  in_cluster() { bash -c '. "$0/env" && "$@"' "$cluster" "$@"; }
  local job
  job=$(in_cluster sbatch --parsable --array=0-7 -o /dev/null array.sh)
  # settled: waits until every task of the job has ended, as the controller itself says. One that is
  # too busy to answer has said nothing.
  settled() {
    local states
    for _ in $(seq 600); do
      if states=$(in_cluster squeue -h -j "$job" -t all -o %T 2>/dev/null) && [[ -n $states ]] &&
        ! grep -qvxE 'COMPLETED|FAILED' <<<"$states"; then
        return 0
      fi
      sleep 0.2
    done
    fail "Slurm's job does not end: $states"
  }
  settled
  run 6 merge by-slurm
  for task in 1 4; do
    in_cluster scontrol requeue "${job}_$task"
    in_cluster scontrol update JobId="${job}_$task" StartTime=now
  done
  settled
  run 6 merge by-slurm --missing
  cp stdout missing
  [[ $(<missing) =~ ^[0-9]+-[0-9]+$ ]] || fail "other units than those of one task are missing: $(<missing)"
  job=$(in_cluster sbatch --parsable --array=0-2 -o rest.%a rest.sh)
  settled
  [[ -z $(cat rest.[0-2]) ]] || fail "tasks for the rest of the units: $(cat rest.[0-2])"
  # A retry of some tasks of an array is no array of that many.
  job=$(in_cluster sbatch --parsable --array=1,3,5 -o retry.%a --wrap \
    "unset LD_LIBRARY_PATH; ./task.sh -o retry --part auto; echo status \$?")
  settled
  has retry.3 "status 2"
  has retry.3 "array with gaps"
  merged by-slurm "Slurm"
}
slurm
[[ $ran -gt 0 ]] || skip "no engine runs here"
