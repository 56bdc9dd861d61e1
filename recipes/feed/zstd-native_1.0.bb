SUMMARY = "Packs and unpacks .zst files"

inherit feed native

FEED_PACKAGES = "zstd"
