/** The few lines of shell that run inside the namespaces. All of Debian's essential set; no input of ours is spliced in. */

/**
 * Holds the namespaces open. $1: faked, or empty; $2: scratch folder with `load`, gets `key` and `save`.
 * Says `ready PID KEY`; the pid is read from the outer /proc, so it is the one that nsenter needs.
 */
export const KEEPER = `
set -eu
read -r pid rest </proc/self/stat
hostname localhost 2>/dev/null || :
# dpkg reads its settings from here even with --root: a host that leaves out documentation would leave it out of images.
mkdir "$2/dpkg"
[ ! -d /etc/dpkg ] || mount --bind "$2/dpkg" /etc/dpkg
[ ! -e /root/.dpkg.cfg ] || mount --bind /dev/null /root/.dpkg.cfg
key=-
faked=
if [ -n "$1" ]; then
    "$1" --foreground --save-file "$2/save" --load <"$2/load" >"$2/key" &
    faked=$!
    while [ ! -s "$2/key" ]; do kill -0 $faked; sleep 0.01; done
    read -r key <"$2/key"
    key=\${key%%:*}
fi
echo "ready $pid $key"
read -r rest || :
if [ -n "$faked" ]; then
    kill -TERM $faked
    wait $faked || :
fi
`;

/**
 * $1: root; $2: libfakeroot's folder or empty; $3: where it must be seen. Host nodes are bound file by file: a user
 * namespace may not make nodes. Where the kernel refuses a new /proc (a container that masks parts of its own), the one
 * that is there is bound.
 */
export const ATTACH = `
set -eu
mkdir -p "$1/proc" "$1/dev" "$1/run" "$1/tmp"
mount -t proc proc "$1/proc" 2>/dev/null || mount --rbind /proc "$1/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
for node in null zero full random urandom tty; do
    : >"$1/dev/$node"
    mount --bind "/dev/$node" "$1/dev/$node"
done
mkdir "$1/dev/pts" "$1/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$1/dev/pts" 2>/dev/null || :
mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
ln -s pts/ptmx "$1/dev/ptmx"
ln -s /proc/self/fd "$1/dev/fd"
ln -s /proc/self/fd/0 "$1/dev/stdin"
ln -s /proc/self/fd/1 "$1/dev/stdout"
ln -s /proc/self/fd/2 "$1/dev/stderr"
mount -t tmpfs -o mode=755 tmpfs "$1/run"
mkdir -m 1777 "$1/run/lock"
mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"
if [ -n "$2" ]; then
    mkdir "$3"
    mount --bind "$2" "$3"
fi
`;

/** $1: root. Lazily: a daemon that a script left running must not keep the mount. */
export const DETACH = `
for place in proc dev run tmp; do umount --recursive --lazy "$1/$place" 2>/dev/null || :; done
`;
