SUMMARY = "Makes erofs images"

inherit feed native

FEED_PACKAGES = "erofs-utils"
