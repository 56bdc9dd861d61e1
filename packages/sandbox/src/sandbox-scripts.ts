/** The few lines of shell that make and hold the namespaces. All of Debian's essential set; no input of ours is spliced in. */

/**
 * Runs beside the namespaces for processes and mounts, so that nothing in them sees faked. $1: faked, or empty; $2: scratch
 * folder with `load`, gets `key` and `save`; the rest: what makes the other namespaces and starts a keeper in them.
 * Says `key KEY`.
 */
export const HOLD = `
set -eu
program=$1
scratch=$2
shift 2
key=-
faked=
if [ -n "$program" ]; then
    "$program" --foreground --save-file "$scratch/save" --load <"$scratch/load" >"$scratch/key" &
    faked=$!
    while [ ! -s "$scratch/key" ]; do kill -0 $faked; sleep 0.01; done
    read -r key <"$scratch/key"
    key=\${key%%:*}
fi
echo "key $key"
"$@" || :
if [ -n "$faked" ]; then
    kill -TERM $faked
    wait $faked || :
fi
`;

/**
 * Holds the namespaces open until its standard input ends. Says `ready PID`; the pid is read from the outer /proc, so it
 * is the one that nsenter needs. $@: what it becomes when it is given a line.
 */
export const KEEPER = `
read -r pid rest </proc/self/stat
hostname localhost 2>/dev/null || :
echo "ready $pid"
read -r rest || exit 0
exec "$@"
`;

/**
 * Brings up the loopback interface of a network namespace that has nothing else: scripts look for one (newaliases of postfix).
 * @see netdevice(7): SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
 */
const LOOPBACK = `perl -e '
socket(my $socket, 2, 2, 0) or exit 1;
my $request = pack("a16 x24", "lo");
ioctl($socket, 0x8913, $request) or exit 1;
my ($name, $flags) = unpack("a16 s", $request);
$request = pack("a16 s x22", "lo", $flags | 1);
ioctl($socket, 0x8914, $request) or exit 1;
' 2>/dev/null || :`;

/**
 * The same with a root of its own. $1: the empty tree of mount points; $2: table for mount(8); $3: how many words follow that are
 * pairs of options and mount points that are remounted; then what it becomes. Where the kernel refuses a new /proc (a container that masks parts of its own), the
 * one that is there is bound. What the kernel's root could set through /proc is read-only, for real root has that power.
 * The old root is put over an empty folder of the new one and taken off there: nothing of it has a name then. /run is there, since
 * absolute links of a root lead to it (/var/run), and dpkg with --root follows them here.
 */
export const CAGE_KEEPER = `
set -eu
read -r pid rest </proc/self/stat
hostname localhost 2>/dev/null || :
cage=$1
table=$2
remounts=$3
shift 3
mount --bind -o ro,nosuid,nodev "$cage" "$cage"
mount -t proc -o nosuid,nodev,noexec proc "$cage/proc" 2>/dev/null || mount --rbind /proc "$cage/proc"
mount -a -T "$table"
mkdir -m 1777 "$cage/run/lock" 2>/dev/null || :
${LOOPBACK}
while [ "$remounts" -gt 0 ]; do
    mount -o "remount,bind,$1" "$2"
    shift 2
    remounts=$((remounts - 2))
done
cd "$cage"
pivot_root . root
cd /
umount -l /root
echo "ready $pid"
read -r rest || exit 0
exec "$@"
`;

/** In a root: what lies in memory there. */
export const MEMORY_FOLDERS = `mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs dev
mount -t tmpfs -o nosuid,nodev,mode=755 tmpfs run
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs tmp
`;

/**
 * In a root, after MEMORY_FOLDERS: what every program expects in /dev. Nodes of the host are bound one by one: a user namespace may
 * not make nodes.
 */
export const DEVICES = `mkdir dev/pts dev/shm
mkdir -m 1777 run/lock
for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts 2>/dev/null || :
mount -t tmpfs -o nosuid,nodev,mode=1777 tmpfs dev/shm
`;

/**
 * $1: root; $2: libfakeroot's folder or empty; $3: where it must be seen. /dev is the cage's own here.
 */
export const ATTACH = `
set -eu
cd "$1"
mkdir -p proc dev run tmp
mount --rbind /proc proc
${MEMORY_FOLDERS}cp -P /dev/fd /dev/stdin /dev/stdout /dev/stderr /dev/ptmx dev
${DEVICES}if [ -n "$2" ]; then
    mkdir "$3"
    mount --bind "$2" "$3"
fi
`;

/**
 * $1: root; then files that are covered. First ends what a script left running: it must neither keep a mount nor change the
 * root any more. Says the names of those, where /proc is that of the cage.
 */
export const DETACH = `
read -r self rest </proc/self/stat
if [ "$self" = $$ ]; then
    for place in /proc/[0-9]*; do
        case $place in /proc/1 | /proc/$$) continue ;; esac
        { read -r name <"$place/comm" && read -r stat <"$place/stat"; } 2>/dev/null || continue
        case \${stat##*)} in ' Z'* | ' X'*) ;; *) echo "$name" ;; esac
    done
fi
kill -KILL -1
root=$1
shift
code=0
for file; do umount --lazy "$file" || code=1; done
for place in proc dev run tmp; do umount --recursive --lazy "$root/$place" || code=1; done
exit $code
`;

/** $1: file of an attached root; $2: its root; $3: what is there instead. Says so when it has done it. */
export const COVER = `
set -eu
[ -e "$1" ] || exit 0
printf '%s' "$3" >"$2/tmp/.tsbake-cover"
chmod 755 "$2/tmp/.tsbake-cover"
mount --bind "$2/tmp/.tsbake-cover" "$1"
echo covered
`;

/** $1: folder that is a file system in memory. It becomes an ordinary one with the same content. */
export const TO_DISK = `
set -eu
cp -a "$1" "$1.new"
umount "$1"
rmdir "$1"
mv "$1.new" "$1"
`;
