SUMMARY = "Remembers owners of files for users who cannot set them"

inherit feed native

FEED_PACKAGES = "fakeroot"
FEED_LINKS = "usr/bin/faked:faked-sysv"
