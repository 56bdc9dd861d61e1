# Recipes whose sources have a CMakeLists.txt. The variables are OE-core's.
#
#   inherit cmake package

inherit toolchain-environment

DEPENDS:prepend = "cmake-native ninja-native "

# Options of cmake: those of the recipe, and those that say where things are.
EXTRA_OECMAKE ?= ""
EXTRA_OECMAKE:append = " ${PACKAGECONFIG_CONFARGS}"
# Options of `cmake --build`; what stands behind `--` is ninja's.
EXTRA_OECMAKE_BUILD ?= ""
OECMAKE_SOURCEPATH ?= "${S}"
# Ninja, or `Unix Makefiles`.
OECMAKE_GENERATOR ?= "Ninja"
OECMAKE_TARGET_COMPILE ?= "all"
OECMAKE_TARGET_INSTALL ?= "install"
OECMAKE_C_FLAGS ?= "${CPPFLAGS} ${CFLAGS}"
OECMAKE_CXX_FLAGS ?= "${CPPFLAGS} ${CXXFLAGS}"
OECMAKE_C_LINK_FLAGS ?= "${LDFLAGS}"
# Text that is added to the toolchain file.
OECMAKE_TOOLCHAIN_EXTRA ?= ""
OECMAKE_TOOLCHAIN_FILE = "${WORKDIR}/toolchain.cmake"
# Other recipes may need the modules of this one; those of libdir they have in any case.
SYSROOT_DIRS += "${datadir}/cmake"

# What a former configuration left would be taken for up to date.
do_configure[cleandirs] += "${@d.getVar('B') if d.getVar('B') != d.getVar('S') else ''}"

# The compiler as CMake wants it, and where it finds what: libraries, headers and packages in the sysroot only, programs in PATH only.
cmake_do_generate_toolchain_file() {
    cat >${OECMAKE_TOOLCHAIN_FILE} <<'TSBAKE_TOOLCHAIN'
# CMake splits no variable at blanks: the first word is the compiler, the others are options.
separate_arguments(TSBAKE_CC UNIX_COMMAND "${CC}")
separate_arguments(TSBAKE_CXX UNIX_COMMAND "${CXX}")
list(POP_FRONT TSBAKE_CC CMAKE_C_COMPILER)
list(POP_FRONT TSBAKE_CXX CMAKE_CXX_COMPILER)
list(JOIN TSBAKE_CC " " TSBAKE_CC)
list(JOIN TSBAKE_CXX " " TSBAKE_CXX)
set(CMAKE_ASM_COMPILER ${CMAKE_C_COMPILER})
set(CMAKE_C_FLAGS "${TSBAKE_CC} ${OECMAKE_C_FLAGS}" CACHE STRING "CFLAGS")
set(CMAKE_CXX_FLAGS "${TSBAKE_CXX} ${OECMAKE_CXX_FLAGS}" CACHE STRING "CXXFLAGS")
set(CMAKE_ASM_FLAGS "${TSBAKE_CC} ${OECMAKE_C_FLAGS}" CACHE STRING "ASM FLAGS")
foreach(kind EXE SHARED MODULE)
  set(CMAKE_${kind}_LINKER_FLAGS "${OECMAKE_C_LINK_FLAGS}" CACHE STRING "LDFLAGS")
endforeach()
set(CMAKE_SYSROOT "${RECIPE_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH "${RECIPE_SYSROOT}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(CMAKE_SYSTEM_IGNORE_PATH /usr/local/bin /usr/local/sbin /usr/bin /usr/sbin /bin /sbin)
${OECMAKE_TOOLCHAIN_EXTRA}
TSBAKE_TOOLCHAIN
}

# Of a folder what CMake puts behind the prefix: files that other projects read find what is theirs from where they lie.
cmake_below_prefix() {
    echo "$1" | sed 's|^${prefix}/||'
}

do_configure() {
    cmake_do_configure
}

cmake_do_configure() {
    cmake_do_generate_toolchain_file
    # A build folder within the sources has a cache of its own.
    if [ "${S}" = "${B}" ]; then
        rm -rf ${B}/CMakeCache.txt ${B}/CMakeFiles
    fi
    # Few projects use all of these.
    cmake -G "${OECMAKE_GENERATOR}" --no-warn-unused-cli \
        -DCMAKE_TOOLCHAIN_FILE:FILEPATH=${OECMAKE_TOOLCHAIN_FILE} \
        -DCMAKE_INSTALL_PREFIX:PATH=${prefix} \
        -DCMAKE_INSTALL_BINDIR:PATH=$(cmake_below_prefix ${bindir}) \
        -DCMAKE_INSTALL_SBINDIR:PATH=$(cmake_below_prefix ${sbindir}) \
        -DCMAKE_INSTALL_LIBEXECDIR:PATH=$(cmake_below_prefix ${libexecdir}) \
        -DCMAKE_INSTALL_SYSCONFDIR:PATH=${sysconfdir} \
        -DCMAKE_INSTALL_LOCALSTATEDIR:PATH=${localstatedir} \
        -DCMAKE_INSTALL_LIBDIR:PATH=$(cmake_below_prefix ${libdir}) \
        -DCMAKE_INSTALL_INCLUDEDIR:PATH=$(cmake_below_prefix ${includedir}) \
        -DCMAKE_INSTALL_DATAROOTDIR:PATH=$(cmake_below_prefix ${datadir}) \
        -DCMAKE_FIND_USE_PACKAGE_REGISTRY:BOOL=OFF \
        -DCMAKE_FIND_USE_SYSTEM_PACKAGE_REGISTRY:BOOL=OFF \
        -DFETCHCONTENT_FULLY_DISCONNECTED:BOOL=ON \
        ${EXTRA_OECMAKE} "$@" -S ${OECMAKE_SOURCEPATH} -B ${B}
}

# Builds a target; the arguments are those of `cmake --build`.
cmake_runcmake_build() {
    cmake --build ${B} --verbose "$@" -- ${PARALLEL_MAKE} ${EXTRA_OECMAKE_BUILD}
}

do_compile() {
    cmake_do_compile
}

cmake_do_compile() {
    cmake_runcmake_build --target ${OECMAKE_TARGET_COMPILE}
}

do_install() {
    cmake_do_install
}

cmake_do_install() {
    DESTDIR=${D} cmake_runcmake_build --target ${OECMAKE_TARGET_INSTALL}
}
