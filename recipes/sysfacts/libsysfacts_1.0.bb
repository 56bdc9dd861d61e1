SUMMARY = "Library that reads facts about the running system"
LICENSE = "MIT"
SECTION = "libs"
SRC_URI = "file://sysfacts.c file://sysfacts.h file://Makefile"

inherit package

do_compile() {
    make -C ${S} ${PARALLEL_MAKE} CC="${CC}" CFLAGS="${CFLAGS}" LDFLAGS="${LDFLAGS}"
}

do_install() {
    make -C ${S} install CC="${CC}" CFLAGS="${CFLAGS}" LDFLAGS="${LDFLAGS}" \
        DESTDIR=${D} libdir=${libdir} includedir=${includedir}
}
