/**
 * What the steps run on a machine: POSIX shell, every value an argument. Each leaves either what was there before or all of the new:
 * files arrive under another name and are renamed when they are complete, so that a broken connection costs a repetition and
 * nothing else.
 */

/** `as_root words…`: through sudo where the login is not root. In a variable, since a function has arguments of its own. */
const asRoot = (argument: string): string =>
  `sudo=${argument}
as_root() { if [ "$sudo" = sudo ]; then sudo -n "$@"; else "$@"; fi; }`;

/** Whether the process of a pid file (`pid start-time`) is still that process; leaves it in $pid. */
const ALIVE = `alive() {
  [ -r "$1" ] || return 1
  read -r pid started <"$1" || return 1
  [ -r "/proc/$pid/stat" ] || return 1
  set -- $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
  [ "\${20:-}" = "$started" ] && [ "$1" != Z ]
}`;

const makeFolders = `set -eu
root=$1 node=$2 data=$3 login=$4 user=$5
${asRoot('$6')}
for one in "$root" "$root/releases" "$root/modules" "$root/nodes" "$node" "$node/run"; do
  [ -d "$one" ] || mkdir -p "$one" 2>/dev/null || as_root install -d -m 0755 -o "$login" "$one"
done
chmod 0700 "$node/run"
[ -d "$data" ] || mkdir -p "$data" 2>/dev/null || as_root install -d "$data"
if [ "$user" != "$login" ]; then as_root chown -R "$user" "$data"; as_root chmod 0700 "$data"; else chmod 0700 "$data"; fi
`;

/** A part that an earlier attempt left is thrown away; another attempt at the same time has its own. */
const RECEIVE = `set -eu
umask 022
final=$1 part=$1.part-$$
parent=$(dirname "$1")
find "$parent" -maxdepth 1 -name "$(basename "$1").part-*" -mmin +60 -exec rm -rf {} + 2>/dev/null || true
trap 'rm -rf "$part"' EXIT`;

const PUBLISH = `if ! mv -T "$part" "$final" 2>/dev/null; then
  [ -d "$final" ] || mv "$part" "$final"
fi`;

const receiveModules = `${RECEIVE}
if [ -d "$final" ]; then cat >/dev/null; exit 0; fi
mkdir -p "$part/node_modules"
tar -xzf - -C "$part/node_modules"
${PUBLISH}
`;

/** The lock and what npm reads beside it arrive; the install scripts of packages do not run. */
const installModules = `${RECEIVE}
if [ -d "$final" ]; then cat >/dev/null; exit 0; fi
mkdir -p "$part"
tar -xzf - -C "$part"
PATH=$(dirname "$2"):$PATH
cd "$part"
npm ci --omit=dev --ignore-scripts --no-audit --no-fund --no-progress
cd "$parent"
${PUBLISH}
`;

const receiveRelease = `${RECEIVE}
if [ -d "$final" ]; then cat >/dev/null; exit 0; fi
mkdir -p "$part"
tar -xzf - -C "$part"
ln -s "$2/node_modules" "$part/node_modules"
${PUBLISH}
`;

const prepare = `set -eu
cd "$1"
"$2" bin/prepare.mjs
`;

const receiveEnvironment = `set -eu
umask 077
part=$1.part-$$
trap 'rm -f "$part"' EXIT
cat >"$part"
chmod 0600 "$part"
[ ! -f "$1" ] || cp -p "$1" "$1.previous"
mv "$part" "$1"
`;

const restoreEnvironment = `set -eu
[ ! -f "$1.previous" ] || mv "$1.previous" "$1"
`;

const writeUnit = `set -eu
${asRoot('$3')}
part=$(mktemp)
trap 'rm -f "$part"' EXIT
cat >"$part"
as_root install -m 0644 "$part" "$1"
as_root systemctl daemon-reload
as_root systemctl enable "$2"
`;

/** A link is replaced by a rename, so that there always is one. */
const switchTo = `set -eu
[ -d "$2/node_modules/" ] || { echo "$2 has no packages" >&2; exit 1; }
ln -s "$2" "$1.part-$$"
mv -T "$1.part-$$" "$1"
touch "$2"
`;

const stopUnit = `set -eu
${asRoot('$2')}
as_root systemctl stop "$1"
`;

const startUnit = `set -eu
${asRoot('$2')}
as_root systemctl reset-failed "$1" 2>/dev/null || true
as_root systemctl start "$1"
`;

/**
 * The supervisor is asked and passes it on; what is left after the time is killed. A node whose supervisor is gone is asked itself.
 */
const stopSupervised = `set -u
run=$1 left=$(( $2 * 5 + 25 ))
${ALIVE}
if alive "$run/supervisor.pid"; then kill -INT "$pid"
elif alive "$run/node.pid"; then kill -INT "$pid"; fi
while [ "$left" -gt 0 ]; do
  if ! alive "$run/supervisor.pid" && ! alive "$run/node.pid"; then rm -f "$run/supervisor.pid" "$run/node.pid"; exit 0; fi
  sleep 0.2
  left=$((left - 1))
done
if alive "$run/supervisor.pid"; then kill -KILL "$pid"; fi
if alive "$run/node.pid"; then kill -KILL "$pid"; fi
echo 'it did not end in time and was killed' >&2
rm -f "$run/supervisor.pid" "$run/node.pid"
`;

/** In a session of its own, so that it outlives the login. */
const startSupervised = `set -eu
node=$1 binary=$2
${ALIVE}
if alive "$node/run/supervisor.pid"; then echo 'it runs already'; exit 0; fi
if alive "$node/run/node.pid"; then echo 'a node without its supervisor runs: stop it first' >&2; exit 1; fi
rm -f "$node/run/supervisor.pid" "$node/run/node.pid"
shift 2
cd "$node"
setsid "$binary" "$node/current/bin/supervise.mjs" "$node" "$@" </dev/null >"$node/run/supervisor.out" 2>&1 &
left=100
while [ "$left" -gt 0 ]; do
  if alive "$node/run/supervisor.pid"; then exit 0; fi
  sleep 0.2
  left=$((left - 1))
done
cat "$node/run/supervisor.out" >&2
exit 1
`;

/** What a link names and the newest stay. */
const prune = `set -eu
root=$1 keep=$2
used=$(for one in "$root"/nodes/*/current; do if [ -L "$one" ]; then basename "$(readlink "$one")"; fi; done)
count=0
for build in $(ls -1t "$root/releases"); do
  case $build in *.part-*) continue ;; esac
  count=$((count + 1))
  [ "$count" -le "$keep" ] && continue
  case " $(echo $used) " in *" $build "*) continue ;; esac
  rm -rf "$root/releases/$build"
done
needed=$(for one in "$root"/releases/*/node_modules; do if [ -L "$one" ]; then basename "$(dirname "$(readlink "$one")")"; fi; done)
for one in "$root"/modules/*; do
  [ -d "$one" ] || continue
  case $one in *.part-*) continue ;; esac
  case " $(echo $needed) " in *" $(basename "$one") "*) continue ;; esac
  rm -rf "$one"
done
`;

export const STEP_SCRIPTS = {
  makeFolders,
  receiveModules,
  installModules,
  receiveRelease,
  prepare,
  receiveEnvironment,
  restoreEnvironment,
  writeUnit,
  switchTo,
  stopUnit,
  startUnit,
  stopSupervised,
  startSupervised,
  prune,
} as const;
