# What ./quickstart and ./test share: numbered steps, errors on one line, building. Sourced by bash, 3.2 or newer.
# The script that sources it sets `program` (its name), `root` (the repository) and `steps` (how many there will be).

step_number=0
step_start=0
started=$(date +%s)

step() {
  step_number=$((step_number + 1))
  step_start=$(date +%s)
  printf '\n[%d/%d] %s\n' "$step_number" "$steps" "$*"
}

step_done() { printf '[%d/%d] done in %s\n' "$step_number" "$steps" "$(duration $(($(date +%s) - step_start)))"; }

# Seconds as "1 min 5 s".
duration() {
  if [ "$1" -lt 60 ]; then
    printf '%d s' "$1"
  else
    printf '%d min %d s' $(($1 / 60)) $(($1 % 60))
  fi
}

total_duration() { duration $(($(date +%s) - started)); }

die() {
  printf '%s: %s\n' "$program" "$*" >&2
  exit 1
}

usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$root/$program"; }

# The value behind a flag: need_value "$@"
need_value() { [ $# -ge 2 ] || die "$1: expected a value after it; $program --help shows how to call it"; }

# Lets ccache serve one clone with what another one compiled.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1

cores() { nproc 2>/dev/null || sysctl -n hw.ncpu; }

# build PRESET TARGET...   `cmake_flags` may hold further flags for configuring
cmake_flags=
build() {
  preset=$1
  shift
  # shellcheck disable=SC2086 # a list of flags
  (cd "$root" && cmake --preset "$preset" $cmake_flags >"$root/build-$preset.log" 2>&1) || {
    cat "$root/build-$preset.log" >&2
    die "configuring failed: cmake --preset $preset says why above"
  }
  rm -f "$root/build-$preset.log"
  cmake --build "$root/build/$preset" --parallel "$(cores)" --target "$@" ||
    die "building failed: cmake --build build/$preset says why above"
}
