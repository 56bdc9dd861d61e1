SUMMARY = "C++ compiler"

inherit feed native

FEED_PACKAGES = "g++ binutils"
FEED_LINKS = "usr/bin/c++:g++"
# A profiler and a debugging aid of the compiler's own authors: a fifth of the size.
FEED_EXCLUDE = "usr/bin/*lto-dump* usr/bin/*gprofng* usr/bin/*gp-* usr/lib/*/libgprofng* usr/lib/*/gprofng"
