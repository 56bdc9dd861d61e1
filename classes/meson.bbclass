# Recipes whose sources have a meson.build. The variables are OE-core's.
#
#   inherit meson package

# Meson finds libraries by pkg-config, all but the plainest.
inherit toolchain-environment pkgconfig

DEPENDS:prepend = "meson-native ninja-native "

# Options of `meson setup`: those of the recipe, and those that say where things are.
EXTRA_OEMESON ?= ""
EXTRA_OEMESON:append = " ${PACKAGECONFIG_CONFARGS}"
MESON_SOURCEPATH ?= "${S}"
# plain: CFLAGS say how to compile, and Meson adds nothing.
MESON_BUILDTYPE ?= "plain"
MESONOPTS = " \
    --prefix=${prefix} --bindir=${bindir} --sbindir=${sbindir} --libexecdir=${libexecdir} --libdir=${libdir} --includedir=${includedir} \
    --datadir=${datadir} --mandir=${mandir} --infodir=${datadir}/info --sysconfdir=${sysconfdir} --localstatedir=${localstatedir} \
    --buildtype=${MESON_BUILDTYPE} --wrap-mode=nodownload \
"
# Words of `meson install --tags`, with commas; empty: all is installed.
MESON_INSTALL_TAGS ?= ""

# What a former configuration left would be taken for up to date.
do_configure[cleandirs] += "${@d.getVar('B') if d.getVar('B') != d.getVar('S') else ''}"

do_configure() {
    meson_do_configure
}

# Compiler, options and pkg-config's folders it takes from the environment.
meson_do_configure() {
    if ! meson setup ${MESONOPTS} ${EXTRA_OEMESON} "$@" ${MESON_SOURCEPATH} ${B}; then
        [ ! -e ${B}/meson-logs/meson-log.txt ] || { echo "the end of ${B}/meson-logs/meson-log.txt:"; tail -n 60 ${B}/meson-logs/meson-log.txt; }
        bbfatal "meson setup has failed: ${B}/meson-logs/meson-log.txt has the details"
    fi
}

do_compile() {
    meson_do_compile
}

meson_do_compile() {
    ninja -C ${B} -v ${PARALLEL_MAKE}
}

do_install() {
    meson_do_install
}

meson_do_install() {
    if [ -n "${MESON_INSTALL_TAGS}" ]; then
        set -- --tags "${MESON_INSTALL_TAGS}"
    else
        set --
    fi
    DESTDIR=${D} meson install -C ${B} --no-rebuild "$@"
}
