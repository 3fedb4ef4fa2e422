#!/usr/bin/env bash
# Starts Tillstream and returns when it is ready.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./start-pipeline.sh [TOKEN ORG BUCKET [URL]] [--foreground]

Starts the pipeline and returns when it is ready. Without a config file it shows a simulated shop.
Started twice, the second start changes nothing.

  --foreground      stay here until Ctrl-C, in place of going to the background
  --help            this text
  TOKEN ORG BUCKET  the InfluxDB to write to, at URL (not part of this version yet)

Environment: TILLSTREAM_CONFIG (config file), TILLSTREAM_DATA (data folder), TILLSTREAM_PORT
Stop it with ./stop-pipeline.sh
TEXT
}

# Arguments are never shown: the first one is a secret.
wrong() {
  printf 'start-pipeline.sh: %s\n\n' "$1" >&2
  usage >&2
  exit 2
}

here=$(unset CDPATH && cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
foreground=no
influx=0
for argument in "$@"; do
  case $argument in
    --help | -h)
      usage
      exit 0 ;;
    --foreground) foreground=yes ;;
    '') wrong "An argument is empty." ;;
    *) influx=$((influx + 1)) ;;
  esac
done

case $influx in
  0) ;;
  3 | 4)
    printf '%s\n' \
      'start-pipeline.sh: Writing to InfluxDB is not part of this version yet. Nothing was started.' \
      '  Without arguments it starts the pipeline with its own metrics store and dashboard.' >&2
    exit 2 ;;
  *) wrong "It takes no arguments, or TOKEN ORG BUCKET, or TOKEN ORG BUCKET URL." ;;
esac

if [ "$foreground" = yes ]; then exec "$here/tillstream" up --demo; fi
"$here/tillstream" up --background --demo
printf 'Stop it with %s\n' "$(dirname -- "$0")/stop-pipeline.sh"
