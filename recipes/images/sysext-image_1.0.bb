SUMMARY = "Debugging tools as an extension of base-image"

inherit image-sysext

IMAGE_BASE_PKGDB = "base-image"
IMAGE_PREINSTALL = "strace gdb htop"
# Links libsysfacts, which the base has.
IMAGE_INSTALL = "sysfacts-watch"
IMAGE_FSTYPES = "squashfs"
