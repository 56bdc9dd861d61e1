SUMMARY = "Debian's package manager, for shells on images that do not have it"

inherit feed native

FEED_PACKAGES = "apt gpgv"
