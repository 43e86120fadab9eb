/**
 * Looks at a machine and changes nothing. POSIX shell, because nothing else is known to be there; what needs Node asks Node once it
 * is found. One `name=value` a line.
 *
 * $1 folder of the deployment · $2 node · $3 Node binary, or empty · $4 unit · $5 JSON for the questions that Node answers
 */
export const PROBE_SCRIPT = `set -u
say() { printf '%s=%s\\n' "$1" "$2"; }
folder=$1 name=$2 unit=$4
say system "$(uname -s)"
say machine "$(uname -m)"
say libc "$(getconf GNU_LIBC_VERSION 2>/dev/null || echo unknown)"
say user "$(id -un)"
if [ "$(id -u)" = 0 ]; then say rights root
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then say rights sudo
else say rights none; fi
if [ -d /run/systemd/system ] && command -v systemctl >/dev/null 2>&1; then say systemd yes; else say systemd no; fi
for tool in tar gzip setsid npm; do
  if command -v "$tool" >/dev/null 2>&1; then say "tool" "$tool"; fi
done
parent=$folder
while [ ! -d "$parent" ]; do parent=$(dirname "$parent"); done
say parent "$parent"
if [ -w "$parent" ]; then say writable yes; else say writable no; fi
say freeKilobytes "$(df -Pk "$parent" | awk 'NR==2 {print $4}')"
for one in "$folder"/releases/*/; do
  if [ -d "$one" ]; then say release "$(basename "$one")"; fi
done
for one in "$folder"/modules/*/; do
  if [ -d "$one" ]; then say modules "$(basename "$one")"; fi
done
if [ -L "$folder/nodes/$name/current" ]; then say current "$(basename "$(readlink "$folder/nodes/$name/current")")"; fi
alive() {
  [ -r "$1" ] || return 1
  read -r pid started <"$1" || return 1
  [ -r "/proc/$pid/stat" ] || return 1
  set -- $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
  [ "\${20:-}" = "$started" ]
}
if alive "$folder/nodes/$name/run/supervisor.pid"; then
  say running supervised
  if alive "$folder/nodes/$name/run/node.pid"; then say runs "$(basename "$(readlink "/proc/$pid/cwd" 2>/dev/null)")"; fi
elif [ -d /run/systemd/system ] && systemctl is-active --quiet "$unit" 2>/dev/null; then
  say running systemd
  pid=$(systemctl show --property=MainPID --value "$unit")
  say runs "$(basename "$(sudo -n readlink "/proc/$pid/cwd" 2>/dev/null || readlink "/proc/$pid/cwd" 2>/dev/null)")"
fi
node=$3
if [ -z "$node" ]; then node=$(command -v node 2>/dev/null || echo ''); fi
if [ -n "$node" ] && [ -x "$node" ]; then
  say nodeBinary "$node"
  say nodeVersion "$("$node" --version 2>/dev/null || echo failed)"
  "$node" -e "$ASK" "$5" 2>/dev/null || say asked failed
fi
say end yes
`;

/** Run by Node on the machine: which ports are free, and which servers are reached from there. Old Nodes must be able to read it. */
export const ASK_SCRIPT = `
const net = require('net');
const q = JSON.parse(process.argv[1]);
const say = (name, value) => console.log(name + '=' + value);
const listen = ({ host, port }) => new Promise((done) => {
  const server = net.createServer();
  server.once('error', (error) => { say('port', port + ' ' + error.code); done(); });
  server.listen(port, host, () => server.close(() => { say('port', port + ' free'); done(); }));
});
const reach = ({ name, host, port }) => new Promise((done) => {
  const socket = net.connect({ host, port });
  const end = (what) => { socket.destroy(); say('reach', name + ' ' + host + ' ' + port + ' ' + what); done(); };
  socket.setTimeout(4000, () => end('silent'));
  socket.once('connect', () => end('ok'));
  socket.once('error', (error) => end(error.code || 'failed'));
});
Promise.all(q.listen.map(listen).concat(q.reach.map(reach))).then(() => process.exit(0));
`;
