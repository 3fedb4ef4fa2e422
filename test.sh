#!/usr/bin/env bash
# All checks and tests. Runs every step, whatever fails, and says at the end what failed.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./test.sh [--quick | --all | --hours]

  --quick    leaves out what is slow (*.slow.test.ts) and what needs a browser (test/browser/): under 3 minutes
  --all      also what takes long: more kinds of outages of each server, kills of parts of a Spark cluster, Spark on YARN,
             each wrong setting of Spark (*.cluster.test.ts, and tests marked itThorough)
  --hours    only this: the tests of --quick that see the clock, at 00:30, 08:30, 13:30, 19:30 and 23:30 UTC: 10 minutes

Environment: TILLSTREAM_TEST_SEED=n repeats a random test, with the seed that it printed
             TILLSTREAM_TEST_NOW=time (ISO 8601, 2026-11-28T23:30:00Z) is when each test file begins; printed with the seed.
             Tests with a real Kafka broker have its time, which is the real one, and depend on no hour.
             CHROMIUM=path names the browser
TEXT
}

quick=no
all=no
hours=no
for argument in "$@"; do
  case $argument in
    --quick) quick=yes ;;
    --all) all=yes ;;
    --hours) quick=yes hours=yes ;;
    --help | -h)
      usage
      exit 0 ;;
    *)
      printf 'test.sh: Unknown option %s.\n\n' "$argument" >&2
      usage >&2
      exit 2 ;;
  esac
done

root=$(unset CDPATH && cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$root"
# The tests choose these for themselves.
unset TILLSTREAM_CONFIG TILLSTREAM_DATA TILLSTREAM_PORT TILLSTREAM_TEST_CLOCK_MS TILLSTREAM_TEST_PROGRAM
if [ "$all" = yes ]; then export TILLSTREAM_TEST_ALL=1; else unset TILLSTREAM_TEST_ALL; fi
export UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE:-16}

# shellcheck source=scripts/bootstrap.sh
. scripts/bootstrap.sh
bootstrap
# As ./tillstream does it: each test file and each command in it starts in half the time.
export NODE_COMPILE_CACHE=${NODE_COMPILE_CACHE:-$cache/compiled}

# Processes that fetch beside the checks.
fetching=()
# Servers that several test files share are started in it by the first of them, and end with this script.
TILLSTREAM_TEST_SESSION=$(mktemp -d "${TMPDIR:-/tmp}/tillstream-test-session-XXXXXX")
export TILLSTREAM_TEST_SESSION
end_session() {
  local folder pid
  for pid in ${fetching[@]+"${fetching[@]}"}; do kill "$pid" 2>/dev/null || true; done
  for folder in "$TILLSTREAM_TEST_SESSION"/*/; do
    if [ -d "$folder" ]; then
      "$node" --disable-warning=ExperimentalWarning src/main.ts services down --data "$folder" >/dev/null ||
        echo "The servers of $folder could not be ended."
    fi
  done
  rm -rf -- "$TILLSTREAM_TEST_SESSION"
}
trap end_session EXIT
trap 'exit 130' INT TERM HUP

failed=()
# Test files that passed when they were run once more, alone.
only_alone=()
# step NAME COMMAND...
step() {
  local name=$1 began=$SECONDS result='passed'
  shift
  printf '\n== %s\n' "$name"
  if ! "$@"; then
    result='FAILED'
    failed+=("$name")
  fi
  printf -- '-- %s: %s (%s s)\n' "$name" "$result" "$((SECONDS - began))"
}

finish() {
  printf '\n'
  if [ ${#failed[@]} -gt 0 ]; then
    printf 'FAILED after %s s:\n' "$SECONDS"
    printf '  %s\n' "${failed[@]}"
    exit 1
  fi
  if [ ${#only_alone[@]} -gt 0 ]; then
    printf 'These failed beside others and passed alone. They depend on how busy the machine is, or on chance:\n'
    printf '  %s\n' "${only_alone[@]}"
    printf 'All else passed in %s s.\n' "$SECONDS"
    exit 0
  fi
  printf 'All passed in %s s.\n' "$SECONDS"
  exit 0
}

# Sets CHROMIUM, for the browser tests; installs Debian's where there is none and where that is allowed.
bring_chromium() {
  local name sudo=() apt
  if [ -n "${CHROMIUM:-}" ]; then
    [ -x "$CHROMIUM" ] || { echo "CHROMIUM names $CHROMIUM, which is not a program."; return 1; }
    return 0
  fi
  for name in chromium chromium-browser google-chrome; do
    if CHROMIUM=$(command -v "$name"); then
      export CHROMIUM
      return 0
    fi
  done
  unset CHROMIUM
  if [ "$(id -u)" != 0 ]; then sudo=(sudo -n); fi
  if command -v apt-get >/dev/null && { [ ${#sudo[@]} = 0 ] || sudo -n true 2>/dev/null; }; then
    echo "Installing Chromium (apt-get install chromium) ..."
    apt=(${sudo[@]+"${sudo[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -q -y)
    "${apt[@]}" update && "${apt[@]}" install --no-install-recommends chromium &&
      CHROMIUM=$(command -v chromium) && export CHROMIUM && return 0
  fi
  echo "There is no Chromium, and the browser tests need one."
  echo "Install it (Debian: apt-get install chromium), or set CHROMIUM to the path of a Chromium or Chrome."
  return 1
}

# Sets TILLSTREAM_TEST_PYTHON: a Python with other people's readers of Delta tables.
bring_readers() {
  local sum folder made python
  sum=$(cksum <scripts/requirements-test.txt)
  folder=$cache/readers-${sum%% *}
  if [ ! -x "$folder/bin/python" ]; then
    if ! command -v python3 >/dev/null; then
      echo "There is no python3, and the tests let readers written in it open the archive. Install it."
      return 1
    fi
    echo "Fetching the readers of scripts/requirements-test.txt ..."
    mkdir -p -- "$cache"
    made=$(mktemp -d "$cache/new-XXXXXX")
    if ! python3 -m venv "$made/venv"; then
      echo "Python cannot make a virtual environment. Debian: apt-get install python3-venv"
      rm -rf -- "$made"
      return 1
    fi
    python=$made/venv/bin/python
    if ! "$python" -m pip install -q --disable-pip-version-check -r scripts/requirements-test.txt ||
      ! "$python" -c 'import deltalake, polars'; then
      echo "The readers could not be installed with pip; its reason is above."
      rm -rf -- "$made"
      return 1
    fi
    # When two start at once, the second finds the first one's folder, and moves its own into it: harmless.
    if [ ! -e "$folder" ]; then mv -- "$made/venv" "$folder"; fi
    rm -rf -- "$made"
  fi
  export TILLSTREAM_TEST_PYTHON=$folder/bin/python
}

# Sets TILLSTREAM_TEST_SHIPPERS: a folder with Debian's rsyslog and syslog-ng. They are unpacked there and not installed, as an installed
# one is a service of the machine, and the two packages exclude each other.
bring_shippers() {
  if [ -n "${TILLSTREAM_TEST_SHIPPERS:-}" ]; then return 0; fi
  local packages=(rsyslog syslog-ng-core syslog-ng-mod-http) folder=$cache/shippers made name
  if [ ! -d "$folder" ]; then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
      echo "The tests run rsyslog and syslog-ng from Debian's packages, and apt-get, which fetches them, was not found."
      echo "Set TILLSTREAM_TEST_SHIPPERS to a folder in which both are unpacked: usr/sbin/rsyslogd, usr/sbin/syslog-ng."
      return 1
    fi
    echo "Fetching ${packages[*]} ..."
    mkdir -p -- "$cache"
    made=$(mktemp -d "$cache/new-XXXXXX")
    if ! (
      cd -- "$made"
      for name in "${packages[@]}"; do
        echo "$name"
        # And what they need that is not on this machine.
        apt-get -q --simulate --no-install-recommends install "$name" | awk '/^Inst / { print $2 }'
      done | sort -u | xargs apt-get -q download
      mkdir unpacked
      for name in *.deb; do dpkg-deb -x "$name" unpacked; done
    ); then
      echo "They could not be fetched; the reason is above. Where the lists of packages are missing: apt-get update"
      rm -rf -- "$made"
      return 1
    fi
    if [ ! -e "$folder" ]; then mv -- "$made/unpacked" "$folder"; fi
    rm -rf -- "$made"
  fi
  export TILLSTREAM_TEST_SHIPPERS=$folder
}

# Makes java one that starts faster: servers and Sparks of tests live for a minute, in which the second compiler of the JVM and the
# check of its classes take more than they give.
quicken_java() {
  local java real folder=$TILLSTREAM_TEST_SESSION/.java
  # Tests that need one say so.
  java=$(command -v java) || return 0
  # Older macOS has no readlink -f, and no link there either.
  real=$(readlink -f -- "$java" 2>/dev/null) || real=$java
  mkdir -p -- "$folder/bin"
  # Spark chooses a collector itself, and the JVM does not start with two.
  cat >"$folder/bin/java" <<TEXT
#!/bin/sh
case "\$*" in *-XX:+Use*GC*) gc= ;; *) gc=-XX:+UseSerialGC ;; esac
exec "$real" -XX:TieredStopAtLevel=1 -XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote \$gc "\$@"
TEXT
  chmod +x "$folder/bin/java"
  export PATH=$folder/bin:$PATH JAVA_HOME=$folder
}

# Prints the test files, one per line: those first that take longest, so that none of them runs alone at the end. What starts a Spark
# or many servers takes all cores for a while: one of these, then three others.
list_tests() {
  if [ "$quick" = yes ]; then
    find src tools test -name '*.test.ts' ! -name '*.slow.test.ts' ! -name '*.cluster.test.ts' ! -path 'test/browser/*'
  elif [ "$all" = no ]; then
    find src tools test -name '*.test.ts' ! -name '*.cluster.test.ts'
  else
    find src tools test -name '*.test.ts'
  fi | LC_ALL=C sort | awk '
    /(spark|start-pipeline|whole-path)[^\/]*\.(slow|cluster)\.test\.ts$/ { print 4 * heavy++, $0; next }
    /\.(slow|cluster)\.test\.ts$/ { print 4 * int(slow / 3) + 1 + slow++ % 3, $0; next }
    /^test\/(browser|golden|contract|recovery)\// { print 1001, $0; next }
    /^test\// { print 1002, $0; next }
    { print 1003, $0 }' | sort -n -s -k 1,1 | cut -d ' ' -f 2-
}

# Those beside the code need no server and nothing that is fetched.
list_unit_tests() { list_tests | grep -E '^(src|tools)/'; }
# Of the others, most need the readers in Python alone, and the rest a server or the browser.
list_quick_tests() { list_tests | grep '^test/' | grep -vE "$NEEDS_SERVERS"; }
list_server_tests() { list_tests | grep '^test/' | grep -E "$NEEDS_SERVERS"; }
NEEDS_SERVERS='\.(slow|cluster)\.test\.ts$|^test/browser/'

# Of all, the ones that take the time from test/support/clock.ts, directly or not.
list_timed_tests() {
  local timed
  timed=$("$bin/depcruise" --config .dependency-cruiser.mjs --reaches '^test/support/clock\.ts$' --output-type text src tools test) ||
    return 1
  list_tests | grep -Fx -f <(awk '{ print $1 }' <<<"$timed" | sort -u)
}

# Sets TILLSTREAM_TEST_PROGRAM: the program as test/support/bundle-program.ts writes it. The tests start it a thousand times.
bundle_program() {
  local folder=$root/.bootstrap/test-program
  "$node" test/support/bundle-program.ts "$folder" && export TILLSTREAM_TEST_PROGRAM=$folder/main.mjs
}

# So many files run at once: most of the time many of them wait, for a server to start or for something that was killed.
FILES_AT_ONCE=$(($(getconf _NPROCESSORS_ONLN) + 3))

# So many files that failed are run once more, alone: more are not a matter of time limits on a busy machine.
ALONE_MAX=4

# run_tests [LIST_COMMAND]
run_tests() {
  local files=() file
  while IFS= read -r file; do files+=("$file"); done < <("${1:-list_tests}")
  if [ ${#files[@]} = 0 ]; then
    echo 'No test file was found.'
    return 1
  fi
  local failed_list=$TILLSTREAM_TEST_SESSION/failed alone=()
  run_files "$FILES_AT_ONCE" "$failed_list" "${files[@]}" && return 0
  while IFS= read -r file; do alone+=("$file"); done <"$failed_list"
  if [ ${#alone[@]} = 0 ] || [ ${#alone[@]} -gt "$ALONE_MAX" ]; then return 1; fi
  printf '\nFAILED beside others. Once more, one after the other:\n'
  printf '  %s\n' "${alone[@]#"$root"/}"
  run_files 1 "$failed_list" "${alone[@]}" || return 1
  only_alone+=("${alone[@]#"$root"/}")
}

# run_files CONCURRENCY LIST FILE...: the files that failed are written into LIST.
run_files() {
  local concurrency=$1 list=$2
  shift 2
  : >"$list"
  TILLSTREAM_TEST_FAILED=$list "$node" --disable-warning=ExperimentalWarning test/support/run-files.ts "$concurrency" "$@"
}

run_at_hour() {
  local TILLSTREAM_TEST_NOW
  TILLSTREAM_TEST_NOW=$(date -u +%F)T$1:00Z
  export TILLSTREAM_TEST_NOW
  run_tests list_timed_tests
}

# What is fetched takes minutes, in which one program is built after the other, so it begins beside the checks and the tests that need
# none of it. The steps that need it then find it there.
fetch_ahead() {
  local log=$TILLSTREAM_TEST_SESSION/.fetched
  bring_readers >"$log-readers" 2>&1 &
  readers_pid=$!
  fetching+=("$readers_pid")
  if [ "$quick" = yes ]; then return 0; fi
  (
    bring_chromium
    bring_shippers
  ) >"$log-packages" 2>&1 &
  fetching+=($!)
  "$node" src/main.ts services fetch >"$log-servers" 2>&1 &
  fetching+=($!)
}

# The tests that need no servers begin when these have come, beside the rest.
await_readers() {
  wait "$readers_pid" || true
  cat -- "$TILLSTREAM_TEST_SESSION/.fetched-readers"
  bring_readers
}

# Waits for what was fetched ahead. What failed is tried once more by its own step, which shows why.
await_fetched() {
  local pid
  for pid in ${fetching[@]+"${fetching[@]}"}; do wait "$pid" || true; done
  cat -- "$TILLSTREAM_TEST_SESSION/.fetched-packages" "$TILLSTREAM_TEST_SESSION/.fetched-servers"
}

bin=node_modules/.bin
if [ "$hours" = yes ]; then
  step 'Readers by others (Python)' bring_readers
  step 'Program in few files (vite)' bundle_program
  for hour in 00:30 08:30 13:30 19:30 23:30; do step "Tests at $hour UTC" run_at_hour "$hour"; done
  finish
fi
fetch_ahead
step 'Format and lint (biome)' "$bin/biome" check .
step 'Types (tsc)' "$bin/tsc" --noEmit
step 'Types of the page (tsc)' "$bin/tsc" --noEmit -p web
step 'Types of the line checker (tsc)' "$bin/tsc" --noEmit -p wasm
step 'Layers (dependency-cruiser)' "$bin/depcruise" --config .dependency-cruiser.mjs src tools web wasm test
step 'Unused code (knip)' "$bin/knip"
step 'Program in few files (vite)' bundle_program
step 'Tests of units (node --test)' run_tests list_unit_tests
step 'Readers by others (Python)' await_readers
step 'Tests that need no servers (node --test)' run_tests list_quick_tests
if [ "$quick" = no ]; then
  step 'What was fetched beside them' await_fetched
  step 'Browser (Chromium)' bring_chromium
  step 'Log shippers (rsyslog, syslog-ng)' bring_shippers
  step 'Servers (Kafka, HDFS, InfluxDB, S3, Spark)' "$node" src/main.ts services fetch
  quicken_java
  step 'Tests with servers and the browser (node --test)' run_tests list_server_tests
fi
finish
