# The extension: what systemd-sysext merges over the base, and nothing that the base has already.
SUMMARY = "Tools that are merged where they are needed"

inherit image-sysext

IMAGE_BASE_PKGDB = "__NAME__-base"

# Packages of the archive, and packages of recipes.
IMAGE_PREINSTALL = "strace"
IMAGE_INSTALL = "hello"

IMAGE_FSTYPES = "squashfs"
