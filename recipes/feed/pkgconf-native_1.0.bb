SUMMARY = "Tells build systems what libraries need: pkg-config"

inherit feed native

FEED_PACKAGES = "pkgconf"
PROVIDES = "pkgconfig-native"
