SUMMARY = "C library of the target's release: headers, startup files, libraries"

inherit feed

FEED_PACKAGES = "libc6-dev linux-libc-dev"
PROVIDES = "virtual/libc"
