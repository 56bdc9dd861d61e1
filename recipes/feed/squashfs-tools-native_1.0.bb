SUMMARY = "Makes squashfs images"

inherit feed native

FEED_PACKAGES = "squashfs-tools"
