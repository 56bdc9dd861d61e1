# Recipes whose sources have a configure script, or the configure.ac that one is made of. The variables are OE-core's.
#
#   inherit autotools package

inherit toolchain-environment

DEPENDS:prepend = "autoconf-native automake-native libtool-native "

# Options of configure: those of the recipe, and those that say where things are.
EXTRA_OECONF ?= ""
EXTRA_OECONF:append = " ${PACKAGECONFIG_CONFARGS}"
CONFIGUREOPTS = " \
    --build=${BUILD_SYS} --host=${TARGET_SYS} --target=${TARGET_SYS} --prefix=${prefix} --exec_prefix=${exec_prefix} \
    --bindir=${bindir} --sbindir=${sbindir} --libexecdir=${libexecdir} --libdir=${libdir} --includedir=${includedir} \
    --datadir=${datadir} --docdir=${docdir}/${BPN} --mandir=${mandir} --infodir=${datadir}/info \
    --sysconfdir=${sysconfdir} --localstatedir=${localstatedir} --disable-silent-rules --disable-dependency-tracking \
"
# `NAME=value` words: answers to checks that configure would run.
CACHED_CONFIGUREVARS ?= ""
# Options of autoreconf.
EXTRA_AUTORECONF ?= ""
AUTOTOOLS_SCRIPT_PATH ?= "${S}"
CONFIGURE_SCRIPT ?= "${AUTOTOOLS_SCRIPT_PATH}/configure"
# 1: libtool's .la files are not installed. They name folders of the build, and nothing that links needs them.
REMOVE_LIBTOOL_LA ?= "1"
# Where aclocal looks for macros, before those that came with it.
AUTOTOOLS_ACLOCAL_PATH = "${RECIPE_SYSROOT}${datadir}/aclocal:${RECIPE_SYSROOT_NATIVE}${datadir}/aclocal"
# Other recipes may need the macros of this one.
SYSROOT_DIRS += "${datadir}/aclocal"

# What a former configuration left would be taken for up to date.
do_configure[cleandirs] += "${@d.getVar('B') if d.getVar('B') != d.getVar('S') else ''}"

do_configure() {
    autotools_do_configure
}

# configure is always made anew, as OE-core does: that of an old release may know nothing of this machine.
autotools_do_configure() {
    if [ -e ${AUTOTOOLS_SCRIPT_PATH}/configure.ac ] || [ -e ${AUTOTOOLS_SCRIPT_PATH}/configure.in ]; then
        (
            cd ${AUTOTOOLS_SCRIPT_PATH} && ACLOCAL_PATH="${AUTOTOOLS_ACLOCAL_PATH}" \
                autoreconf --verbose --install --force ${EXTRA_AUTORECONF}
        ) || bbfatal "autoreconf has failed in ${AUTOTOOLS_SCRIPT_PATH}: its words stand above"
    fi
    if [ -e ${CONFIGURE_SCRIPT} ]; then
        oe_runconf
    else
        bbnote "${CONFIGURE_SCRIPT} is not there: nothing to configure"
    fi
}

# Runs configure; further options are arguments. Where libraries lie on the target is known: libtool would ask this machine's loader.
oe_runconf() {
    if ! env lt_cv_sys_lib_dlsearch_path_spec="${libdir} /lib/${MULTIARCH} ${exec_prefix}/lib /lib" ${CACHED_CONFIGUREVARS} \
        CONFIG_SHELL=/bin/sh /bin/sh ${CONFIGURE_SCRIPT} ${CONFIGUREOPTS} ${EXTRA_OECONF} "$@"; then
        [ ! -e config.log ] || { echo "the end of $(pwd)/config.log:"; grep -v '^## \|^$' config.log | grep -B 40 -m 1 -i 'cache variables' || tail -n 60 config.log; }
        bbfatal "configure has failed: $(pwd)/config.log has the details"
    fi
}

do_compile() {
    autotools_do_compile
}

autotools_do_compile() {
    oe_runmake
}

do_install() {
    autotools_do_install
}

autotools_do_install() {
    oe_runmake DESTDIR=${D} install
    # An index over all packages, which each would bring.
    rm -f ${D}${datadir}/info/dir
    if [ "${REMOVE_LIBTOOL_LA}" = 1 ]; then
        find ${D} -name '*.la' -type f -exec rm -f {} +
    fi
}
