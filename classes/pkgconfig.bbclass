# Recipes whose build systems ask pkg-config: it knows the libraries of the recipe's own sysroot, and no others.

DEPENDS:prepend = "pkgconfig-native "

export PKG_CONFIG_LIBDIR
export PKG_CONFIG_SYSROOT_DIR
