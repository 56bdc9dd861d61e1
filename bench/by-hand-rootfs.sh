#!/bin/bash
# What is possible for a base: every package laid out side by side, then one configure run in the root. Not right in general
# (no preinst runs, no trigger waits its turn), but the speed to look up to.
#   by-hand-rootfs.sh ROOT TAR FILE.deb ...
set -euo pipefail
root=$1 tar=$2
shift 2
mkdir -p "$root"/usr/{bin,sbin,lib,lib32,lib64,libx32} "$root"/var/lib/dpkg/{info,updates,triggers,alternatives,parts}
for name in bin sbin lib lib32 lib64 libx32; do ln -s "usr/$name" "$root/$name"; done
export root
lay() {
  local control
  control=$(mktemp -d)
  dpkg-deb --fsys-tarfile "$1" | tar -C "$root" -xp --keep-directory-symlink -f -
  dpkg-deb -e "$1" "$control"
  local name key info=$root/var/lib/dpkg/info
  name=$(sed -n 's/^Package: //p' "$control/control")
  key=$name
  if grep -q '^Multi-Arch: same' "$control/control"; then
    key=$name:$(sed -n 's/^Architecture: //p' "$control/control")
  fi
  dpkg-deb --fsys-tarfile "$1" | tar -t | sed 's,^\.,,; s,/$,,; s,^$,/.,' >"$info/$key.list"
  {
    sed '/^$/d' "$control/control"
    echo 'Status: install ok unpacked'
    if [ -e "$control/conffiles" ]; then
      echo Conffiles:
      while read -r path; do
        [ -z "$path" ] || { echo " $path newconffile" && mv "$root$path" "$root$path.dpkg-new"; }
      done <"$control/conffiles"
    fi
    echo
  } >"$control/stanza"
  local member
  for member in "$control"/*; do
    case ${member##*/} in control | stanza) ;; *) mv "$member" "$info/$key.${member##*/}" ;; esac
  done
  mkdir -p "$root/.stanzas"
  mv "$control/stanza" "$root/.stanzas/$key"
  rm -r "$control"
}
export -f lay
printf '%s\0' "$@" | xargs -0 -n 1 -P "$(nproc)" bash -euo pipefail -c 'lay "$1"' lay
cat "$root"/.stanzas/* >"$root/var/lib/dpkg/status"
rm -r "$root/.stanzas"
: >"$root/var/lib/dpkg/available"
echo 1 >"$root/var/lib/dpkg/info/format"
# base-passwd's preinst makes these.
cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
export root tar
unshare --mount --pid --fork --net --kill-child bash -euc '
  mount -t proc proc "$root/proc"
  mount -t tmpfs tmpfs "$root/run"
  mount -t tmpfs tmpfs "$root/tmp"
  for node in null zero random urandom; do : >"$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
  printf "#!/bin/sh\nexit 101\n" >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
    dpkg --root="$root" --force-unsafe-io --force-depends --force-confnew --log=/dev/null --configure --pending >/dev/null
'
rm "$root/usr/sbin/policy-rc.d"
if grep '^Status:' "$root/var/lib/dpkg/status" | grep -v 'install ok installed'; then exit 1; fi
tar -C "$root" --exclude='./proc/*' --exclude='./dev/*' --exclude='./run/*' --exclude='./tmp/*' \
  --sort=name --numeric-owner --xattrs -cf "$tar" .
rm -rf "$root"
