#!/usr/bin/env bash
# Starts Tillstream and returns when it is ready.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: ./start-pipeline.sh [TOKEN ORG BUCKET [URL]] [--no-demo] [--with LIST] [--foreground]

Starts the pipeline and returns when it is ready. Without a config file, in a new data folder, it shows a demo: a
simulated shop, which accepts no other events. A second start changes nothing.

  --no-demo         start your own shop, without the demo; the data of an earlier demo is moved to DATA/demo-...
  --foreground      stay in the foreground until Ctrl-C
  --with LIST       also start real servers on this machine, and use them: kafka, hdfs (or s3), yarn, spark, influxdb,
                    separated by commas, or all. Needs Java 17, Maven and Python 3.10; the first start fetches them.
  --help            this text
  TOKEN ORG BUCKET  also write metrics and every event to this InfluxDB, at URL (default http://localhost:8086).
                    InfluxDB 1.8: USER:PASSWORD, any name, DATABASE/POLICY. See docs/grafana.md.

Environment: TILLSTREAM_CONFIG (config file), TILLSTREAM_DATA (data folder), TILLSTREAM_PORT;
TILLSTREAM_INFLUX_TOKEN, _ORG, _BUCKET and _URL instead of the arguments: then no process list shows the token.
Stop it with ./stop-pipeline.sh
TEXT
}

# Arguments are never shown: the first one is a secret.
wrong() {
  printf 'start-pipeline.sh: %s\n"./start-pipeline.sh --help" shows what it takes.\n' "$1" >&2
  exit 2
}

here=$(unset CDPATH && cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
mode=--background
demo=--demo
options=()
influx=()
while [ $# -gt 0 ]; do
  case $1 in
    --help | -h)
      usage
      exit 0 ;;
    --foreground) mode=--foreground ;;
    --no-demo) demo= ;;
    --with)
      [ -n "${2:-}" ] || wrong "--with needs a list of servers, such as kafka,hdfs,influxdb."
      options+=(--with "$2")
      shift ;;
    --with=?*) options+=(--with "${1#--with=}") ;;
    '') wrong "An argument is empty." ;;
    --with=) wrong "--with needs a list of servers, such as kafka,hdfs,influxdb." ;;
    -*) wrong "There is no option ${1%%=*}. The options are --with, --no-demo, --foreground and --help." ;;
    *) influx+=("$1") ;;
  esac
  shift
done

case ${#influx[@]} in
  0) ;;
  3 | 4)
    case ${influx[3]:-http://} in
      http://* | https://*) ;;
      *) wrong "URL, the fourth argument, must begin with http:// or https://." ;;
    esac
    export TILLSTREAM_INFLUX_TOKEN=${influx[0]} TILLSTREAM_INFLUX_ORG=${influx[1]} TILLSTREAM_INFLUX_BUCKET=${influx[2]}
    export TILLSTREAM_INFLUX_URL=${influx[3]:-http://localhost:8086}
    # At once and without the arguments: the process list shows them to every user of the machine.
    [ "$mode" = --background ] || options+=("$mode")
    [ -n "$demo" ] || options+=(--no-demo)
    exec "$here/$(basename -- "${BASH_SOURCE[0]}")" ${options[@]+"${options[@]}"} ;;
  *) wrong "It takes no arguments, or TOKEN ORG BUCKET, or TOKEN ORG BUCKET URL." ;;
esac

up=("$here/tillstream" up ${demo:+"$demo"} ${options[@]+"${options[@]}"})
if [ "$mode" = --foreground ]; then exec "${up[@]}"; fi
"${up[@]}" --background
printf 'Stop it with %s\n' "$(dirname -- "$0")/stop-pipeline.sh"
