SUMMARY = "C++ library of the target's release, for programs that gxx-native compiles"

inherit feed

FEED_PACKAGES = "libstdc++6"
