# The base image: what every device runs, with the package database that extensions are built on.
SUMMARY = "What every device runs"

inherit image

# Packages of the archive, and packages of recipes, such as "hello". What they depend on comes along.
IMAGE_PREINSTALL = "systemd systemd-sysv dbus bash coreutils procps iproute2 kmod"
IMAGE_INSTALL = ""

# The files that `tsbake __NAME__-base` makes.
IMAGE_FSTYPES = "tar.gz"
# Extensions can be built on it.
IMAGE_GEN_PKGDBFS = "1"
