SUMMARY = "A small Debian userland with systemd, on which extensions are built"

inherit image

IMAGE_PREINSTALL = "bash coreutils dbus iproute2 kmod procps systemd systemd-sysv udev util-linux"
IMAGE_INSTALL = "libsysfacts sysfacts"
IMAGE_FSTYPES = "tar.gz squashfs"
IMAGE_GEN_PKGDBFS = "1"
