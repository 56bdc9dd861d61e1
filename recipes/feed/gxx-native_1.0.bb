SUMMARY = "C++ compiler"

inherit feed native

FEED_PACKAGES = "g++ binutils"
FEED_LINKS = "usr/bin/c++:g++"
