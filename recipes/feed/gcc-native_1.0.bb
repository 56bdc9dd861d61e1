SUMMARY = "C compiler, assembler and linker"

inherit feed native

FEED_PACKAGES = "gcc binutils"
FEED_LINKS = "usr/bin/cc:gcc"
# A profiler and a debugging aid of the compiler's own authors: a fifth of the size.
FEED_EXCLUDE = "usr/bin/*lto-dump* usr/bin/*gprofng* usr/bin/*gp-* usr/lib/*/libgprofng* usr/lib/*/gprofng"
