SUMMARY = "A small Debian userland with systemd, on which extensions are built"

inherit image

IMAGE_PREINSTALL = " \
    base-files bash coreutils dbus iproute2 kmod less login mount netbase passwd procps systemd systemd-sysv tzdata udev \
    util-linux \
"
IMAGE_INSTALL = "libsysfacts sysfacts"
IMAGE_FSTYPES = "tar.gz squashfs"
IMAGE_GEN_PKGDBFS = "1"
