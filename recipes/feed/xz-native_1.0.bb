SUMMARY = "Packs and unpacks .xz files"

inherit feed native

FEED_PACKAGES = "xz-utils"
