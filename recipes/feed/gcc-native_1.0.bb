SUMMARY = "C compiler, assembler and linker"

inherit feed native

FEED_PACKAGES = "gcc binutils"
FEED_LINKS = "usr/bin/cc:gcc"
