SUMMARY = "Remembers owners and capabilities of files for users who cannot set them"

inherit feed native

FEED_PACKAGES = "fakeroot libcap2-bin"
FEED_LINKS = "usr/bin/faked:faked-sysv"
