#!/usr/bin/env bash
# All checks and tests. Runs every step, whatever fails, and says at the end what failed.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./test.sh [--quick | --cluster]

  --quick    leaves out what is slow (*.slow.test.ts) and what needs a browser (test/browser/): under 3 minutes
  --cluster  also what kills parts of a Spark cluster, Spark on YARN, and each wrong setting of Spark (*.cluster.test.ts): ten minutes more

Environment: TILLSTREAM_TEST_SEED=n repeats a random test, with the seed that it printed when it failed
             CHROMIUM=path names the browser
TEXT
}

quick=no
cluster=no
for argument in "$@"; do
  case $argument in
    --quick) quick=yes ;;
    --cluster) cluster=yes ;;
    --help | -h)
      usage
      exit 0 ;;
    *)
      printf 'test.sh: It does not know %s.\n\n' "$argument" >&2
      usage >&2
      exit 2 ;;
  esac
done

root=$(unset CDPATH && cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
cd -- "$root"
# The tests choose these for themselves.
unset TILLSTREAM_CONFIG TILLSTREAM_DATA TILLSTREAM_PORT
export UV_THREADPOOL_SIZE=${UV_THREADPOOL_SIZE:-16}

# shellcheck source=scripts/bootstrap.sh
. scripts/bootstrap.sh
bootstrap

failed=()
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

# Sets CHROMIUM, for the browser tests; installs Debian's where there is none and where that is allowed.
bring_chromium() {
  local name sudo=() apt
  if [ -n "${CHROMIUM:-}" ]; then
    [ -x "$CHROMIUM" ] || { echo "CHROMIUM names $CHROMIUM, which is no program."; return 1; }
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

# Prints the test files, one per line.
list_tests() {
  if [ "$quick" = yes ]; then
    find src test -name '*.test.ts' ! -name '*.slow.test.ts' ! -name '*.cluster.test.ts' ! -path 'test/browser/*'
  elif [ "$cluster" = no ]; then
    find src test -name '*.test.ts' ! -name '*.cluster.test.ts'
  else
    find src test -name '*.test.ts'
  fi | LC_ALL=C sort
}

run_tests() {
  local files=() file
  while IFS= read -r file; do files+=("$file"); done < <(list_tests)
  "$node" --disable-warning=ExperimentalWarning --test --test-concurrency=2 --test-timeout=900000 \
    --test-reporter=spec "${files[@]}"
}

bin=node_modules/.bin
step 'Format and lint (biome)' "$bin/biome" check .
step 'Types (tsc)' "$bin/tsc" --noEmit
step 'Types of the page (tsc)' "$bin/tsc" --noEmit -p web
step 'Layers (dependency-cruiser)' "$bin/depcruise" --config .dependency-cruiser.mjs src web test
step 'Unused code (knip)' "$bin/knip"
step 'Readers by others (Python)' bring_readers
if [ "$quick" = no ]; then
  step 'Browser (Chromium)' bring_chromium
  step 'Servers (Kafka, HDFS, InfluxDB, S3, Spark)' "$node" src/main.ts services fetch
fi
step 'Tests (node --test)' run_tests

printf '\n'
if [ ${#failed[@]} -gt 0 ]; then
  printf 'FAILED after %s s:\n' "$SECONDS"
  printf '  %s\n' "${failed[@]}"
  exit 1
fi
printf 'All passed in %s s.\n' "$SECONDS"
