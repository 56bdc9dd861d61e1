#!/bin/bash
# The sysext step as one would write it by hand: the base's package database in an empty root, apt solves against it, dpkg
# unpacks, /usr and /opt are kept.
#   by-hand-sysext.sh WORK DATABASE SOURCE OS_RELEASE MKSQUASHFS "COMPRESSOR OPTIONS" PACKAGE ...
# DATABASE: a folder with the base's var/lib/dpkg; SOURCE: a line for sources.list; WORK gets NAME.raw.
set -euo pipefail
work=$1 database=$2 source=$3 os_release=$4 mksquashfs=$5 compressor=$6
shift 6
name=by-hand
root=$work/root
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-1735689600} DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
rm -rf "$work"
mkdir -p "$root/etc/apt"/{apt.conf.d,preferences.d,sources.list.d,trusted.gpg.d} "$work/apt"/{lists,cache/archives}/partial \
  "$work/log" "$root/var/lib"
cp -a "$database/." "$root/"
echo "$source" >"$work/sources.list"
cat >"$work/apt.conf" <<END
Dir::Etc "$root/etc/apt";
Dir::Etc::SourceList "$work/sources.list";
Dir::State "$work/apt";
Dir::State::status "$root/var/lib/dpkg/status";
Dir::Cache "$work/apt/cache";
Dir::Log "$work/log";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
END
export APT_CONFIG=$work/apt.conf
apt-get -qq update
apt-get -qq -y --download-only install "$@" >/dev/null
# Triggers of the base would be fired by new files, and there is nothing they could run.
rm -rf "$root/var/lib/dpkg/triggers"
mkdir "$root/var/lib/dpkg/triggers"
: >"$root/var/lib/dpkg/triggers/File"
: >"$root/var/lib/dpkg/triggers/Unincorp"
rm -f "$root/var/lib/dpkg/statoverride"
# Unpacking runs preinst only, and its interpreter is not there.
for deb in "$work/apt/cache/archives"/*.deb; do
  if dpkg-deb -I "$deb" preinst >/dev/null 2>&1; then
    mkdir "$work/repack"
    dpkg-deb -R "$deb" "$work/repack"
    rm "$work/repack/DEBIAN/preinst"
    dpkg-deb --root-owner-group -Zgzip -z1 -b "$work/repack" "$deb" >/dev/null
    rm -r "$work/repack"
  fi
done
dpkg --root="$root" --force-unsafe-io --force-depends --no-triggers --log=/dev/null \
  --unpack "$work/apt/cache/archives"/*.deb >/dev/null
mkdir "$work/tree"
mv "$root/usr" "$work/tree/usr"
[ ! -d "$root/opt" ] || mv "$root/opt" "$work/tree/opt"
mkdir -p "$work/tree/usr/lib/extension-release.d"
{
  grep -E '^(ID|VERSION_ID)=' "$os_release"
  echo ARCHITECTURE=x86-64
} >"$work/tree/usr/lib/extension-release.d/extension-release.$name"
# shellcheck disable=SC2086 # words
"$mksquashfs" "$work/tree" "$work/$name.raw" -no-progress -quiet -all-root $compressor
