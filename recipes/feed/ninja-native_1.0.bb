SUMMARY = "Runs build.ninja files"

inherit feed native

FEED_PACKAGES = "ninja-build"
