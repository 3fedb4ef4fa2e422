#!/usr/bin/env bash
# Drains and stops what start-pipeline.sh started, and nothing else.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./stop-pipeline.sh

Stops the pipeline of the data folder (TILLSTREAM_DATA) after it has processed what it received, and the servers that
"start-pipeline.sh --with" started. If nothing is running, it reports that and does nothing.
TEXT
}

case ${1:-} in
  --help | -h)
    usage
    exit 0 ;;
esac
if [ $# -gt 0 ]; then
  printf 'stop-pipeline.sh: It takes no arguments.\n\n' >&2
  usage >&2
  exit 2
fi

here=$(unset CDPATH && cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
exec "$here/tillstream" down
