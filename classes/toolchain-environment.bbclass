# Gives the tasks of a recipe what build systems look for in the environment: the compiler and its neighbours, and their options.
# Inherited by autotools, cmake and meson.

# A project in C++ says so in files that nobody has read when needs are known.
TOOLCHAIN_CXX_DEPENDS = "${@'gxx-native' if d.getVar('TOOLCHAIN') == 'feed' else ''} libstdcxx"
DEPENDS:prepend = "${TOOLCHAIN_CXX_DEPENDS} "

export CC
export CXX
export CPP
export LD
export AS
export AR
export NM
export RANLIB
export STRIP
export OBJCOPY
export OBJDUMP
export READELF
export CPPFLAGS
export CFLAGS
export CXXFLAGS
export LDFLAGS
