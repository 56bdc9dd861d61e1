SUMMARY = "Runs makefiles"

inherit feed native

FEED_PACKAGES = "make"
