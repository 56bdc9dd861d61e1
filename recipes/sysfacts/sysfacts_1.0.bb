SUMMARY = "Prints facts about the running system"
LICENSE = "MIT"
SECTION = "utils"
DEPENDS = "libsysfacts"
SRC_URI = "file://sysfacts.c file://Makefile"

inherit package

do_compile() {
    make -C ${S} ${PARALLEL_MAKE} CC="${CC}" CFLAGS="${CFLAGS}" LDFLAGS="${LDFLAGS}"
}

do_install() {
    make -C ${S} install CC="${CC}" CFLAGS="${CFLAGS}" LDFLAGS="${LDFLAGS}" DESTDIR=${D} bindir=${bindir}
}
