# The tasks that every recipe has, from source to build folder. Packages: package.bbclass. Sysroots: staging.bbclass.

inherit staging

# What compiles and what is compiled against; recipes that compile nothing set INHIBIT_DEFAULT_DEPS = "1".
TOOLCHAIN_DEPENDS = "${@'gcc-native make-native' if d.getVar('TOOLCHAIN') == 'feed' else ''}"
BASE_DEFAULT_DEPS = "${TOOLCHAIN_DEPENDS} virtual/libc"
BASEDEPENDS = "${@'' if d.getVar('INHIBIT_DEFAULT_DEPS') == '1' else d.getVar('BASE_DEFAULT_DEPS')}"
DEPENDS:prepend = "${BASEDEPENDS} "

SRC_URI ?= ""
PREMIRRORS ?= ""
MIRRORS ?= ""
BB_NO_NETWORK ?= "0"
# Checksums of downloads by the names of SRC_URI's flags, and commits of git sources by the entry's name. A branch, a tag or
# AUTOREV is a commit here, asked of its server while the recipe is parsed.
SRC_SUMS = "${@bb.fetch2.program.sum_words(d)}"
SRC_SUMS[vardepvalue] = "${SRC_SUMS}"
SRC_REVS = "${@bb.fetch2.revision_words(d)}"
SRC_REVS[vardepvalue] = "${SRC_REVS}"
AUTOREV = "${@bb.fetch2.get_autorev(d)}"
SRCPV = "${@bb.fetch2.get_srcrev(d)}"

# Options of a recipe, by words: packageconfig.bbclass, where there are any.
PACKAGECONFIG ??= ""
PACKAGECONFIG_CONFARGS ??= ""
inherit_defer ${@'packageconfig' if bb.data.has_flags('PACKAGECONFIG', d) or d.getVar('PACKAGECONFIG') else ''}

# What fetching takes of the configuration, or else of the caller's environment: proxies, logins, certificates.
FETCH_EXPORT_VARS ?= "\
    http_proxy HTTP_PROXY https_proxy HTTPS_PROXY ftp_proxy FTP_PROXY all_proxy ALL_PROXY no_proxy NO_PROXY NETRC \
    GIT_PROXY_COMMAND GIT_SSH GIT_SSH_COMMAND GIT_SSL_CAINFO SSH_AUTH_SOCK SSL_CERT_FILE SSL_CERT_DIR NODE_EXTRA_CA_CERTS \
"

HAS_SOURCES = "${@'yes' if (d.getVar('SRC_URI') or '').split() else 'no'}"

# Lists travel to programs by standard input (--options -): the kernel takes no argument of more than 128 KiB, and shows
# every argument to everybody.
addtask fetch
do_fetch[doc] = "fetches what SRC_URI names into DL_DIR"
do_fetch[dirs] = "${DL_DIR}"
do_fetch[network] = "1"
do_fetch[progress] = "percent"
do_fetch[file-checksums] = "${@bb.fetch.get_checksum_file_list(d)}"
do_fetch[vardeps] += "SRC_URI TSBAKE_FETCH_DIGEST"
do_fetch[vardepsexclude] += "PREMIRRORS MIRRORS"
do_fetch() {
    # Many recipes have no sources: images, groups of packages, what comes from a feed.
    if [ ${HAS_SOURCES} = yes ]; then
        env ${@bb.fetch2.program.environment_options(d, True)} tsbake-fetch fetch --options - <<'TSBAKE_OPTIONS'
        ${@bb.fetch2.program.environment_options(d, False)}
        --uri=${SRC_URI}
        --filespath=${FILESPATH}
        --dl-dir=${DL_DIR}
        --sums=${SRC_SUMS}
        --revs=${SRC_REVS}
        --premirrors=${PREMIRRORS}
        --mirrors=${MIRRORS}
        ${@bb.fetch2.program.setting_options(d)}
TSBAKE_OPTIONS
    fi
}

addtask unpack after do_fetch
do_unpack[doc] = "unpacks the sources into UNPACKDIR"
do_unpack[cleandirs] = "${PATCH_RECORD} ${UNPACKDIR}"
# What of the settings changes what is unpacked.
do_unpack[vardeps] += "BB_GIT_DEFAULT_DESTSUFFIX BB_GIT_NOSHARED BB_GIT_SHALLOW"
do_unpack() {
    if [ ${HAS_SOURCES} = yes ]; then
        tsbake-fetch unpack --options - <<'TSBAKE_OPTIONS'
        --uri=${SRC_URI}
        --filespath=${FILESPATH}
        --dl-dir=${DL_DIR}
        --sums=${SRC_SUMS}
        --revs=${SRC_REVS}
        --into=${UNPACKDIR}
        ${@bb.fetch2.program.setting_options(d)}
TSBAKE_OPTIONS
    fi
}

# What the patched files were before, so that do_patch can run again on the same sources.
PATCH_RECORD = "${WORKDIR}/patch-record"
PATCHTOOL ?= "patch"
# Of SRCDATE_PN and SRCDATE, what `mindate` and `maxdate` of a patch compare with.
PATCH_DATE = "${@d.getVar('SRCDATE_${PN}') or d.getVar('SRCDATE') or ''}"

addtask patch after do_unpack
do_patch[doc] = "applies the patches among the sources"
do_patch[dirs] = "${UNPACKDIR}"
do_patch() {
    # Most recipes have none, and have had none before.
    wanted=no
    case "${SRC_URI}" in
        *.patch*|*.diff*|*apply=*) wanted=yes ;;
    esac
    if [ $wanted = yes ] || [ -n "$(ls -A ${PATCH_RECORD} 2>/dev/null)" ]; then
        tsbake-fetch patch --options - <<'TSBAKE_OPTIONS'
        --uri=${SRC_URI}
        --filespath=${FILESPATH}
        --dl-dir=${DL_DIR}
        --sources=${S}
        --record=${PATCH_RECORD}
        --tool=${PATCHTOOL}
        --sums=${SRC_SUMS}
        --revs=${SRC_REVS}
        --recipe-version=${PV}
        --date=${PATCH_DATE}
TSBAKE_OPTIONS
    fi
}

addtask configure after do_patch do_prepare_recipe_sysroot
do_configure[doc] = "prepares the sources for compiling"
do_configure[dirs] = "${B}"
do_configure[vardeps] += "TOOLCHAIN_IDENTITY"
do_configure() {
    :
}

addtask compile after do_configure
do_compile[doc] = "compiles"
do_compile[dirs] = "${B}"
do_compile[vardeps] += "TOOLCHAIN_IDENTITY"
do_compile() {
    :
}

# Options of make, for all that oe_runmake does.
EXTRA_OEMAKE ?= ""

# Runs make; targets and further options are arguments.
oe_runmake() {
    make ${PARALLEL_MAKE} ${EXTRA_OEMAKE} "$@" || bbfatal "make has failed: its words stand above"
}

addtask install after do_compile
do_install[doc] = "installs what was compiled below D"
do_install[dirs] = "${B}"
do_install[vardeps] += "TOOLCHAIN_IDENTITY"
do_install[cleandirs] = "${D}"
do_install() {
    :
}

addtask build after do_populate_sysroot
do_build[doc] = "all that a build of the recipe makes; the default"
do_build[noexec] = "1"
do_build() {
    :
}

addtask clean
do_clean[doc] = "deletes the work folder and the stamps, and takes back what was put into shared folders"
do_clean[nostamp] = "1"
# What its tasks put into shared folders goes too.
do_clean[uninstall] = "1"
do_clean() {
    rm -rf ${WORKDIR} ${STAMP}.do_*
}

addtask cleansstate after do_clean
do_cleansstate[doc] = "as do_clean, and deletes the recipe's artifacts from the shared state"
do_cleansstate[nostamp] = "1"
do_cleansstate() {
    tsbake-sstate remove --dir "${SSTATE_DIR}" --spec "${SSTATE_PKGSPEC}"
}

addtask cleanall after do_cleansstate
do_cleanall[doc] = "as do_cleansstate, and deletes what do_fetch has downloaded"
do_cleanall[nostamp] = "1"
do_cleanall() {
    tsbake-fetch clean --options - <<'TSBAKE_OPTIONS'
        --uri=${SRC_URI}
        --dl-dir=${DL_DIR}
        ${@bb.fetch2.program.setting_options(d)}
TSBAKE_OPTIONS
}

# A shell with the environment of the tasks, for a person. Under fakeroot where do_install is.
DEVSHELL_STARTDIR ?= "${S}"
addtask devshell after do_patch do_prepare_recipe_sysroot
do_devshell[doc] = "opens $SHELL in the environment of the tasks"
do_devshell[nostamp] = "1"
do_devshell[interactive] = "1"
do_devshell[network] = "1"
do_devshell[fakeroot] = "${@d.getVarFlag('do_install', 'fakeroot') or ''}"
do_devshell[dirs] = "${DEVSHELL_STARTDIR}"
# One at a time has the terminal.
do_devshell[lockfiles] = "${TMPDIR}/terminal.lock"
do_devshell() {
    # Whether a class exports them for the tasks or not: whoever tries things by hand wants the compiler that these would take.
    export CC="${CC}" CXX="${CXX}" CPP="${CPP}" LD="${LD}" AS="${AS}" AR="${AR}" NM="${NM}" RANLIB="${RANLIB}" STRIP="${STRIP}"
    export OBJCOPY="${OBJCOPY}" OBJDUMP="${OBJDUMP}" READELF="${READELF}"
    export CPPFLAGS="${CPPFLAGS}" CFLAGS="${CFLAGS}" CXXFLAGS="${CXXFLAGS}" LDFLAGS="${LDFLAGS}"
    export PKG_CONFIG_LIBDIR="${PKG_CONFIG_LIBDIR}" PKG_CONFIG_SYSROOT_DIR="${PKG_CONFIG_SYSROOT_DIR}"
    [ -x "$SHELL" ] || bbfatal "there is no shell \`$SHELL\`: set SHELL in the environment"
    echo "${PN} ${PV} in $(pwd); scripts of tasks that have run: ${T}/run.do_*; \`exit\` ends this shell"
    # An ordinary user is root in namespaces where our session is none: without a terminal of its own, Ctrl-C in that shell
    # would end everything around it.
    if [ -n "$FAKEROOTKEY" ] && command -v script >/dev/null; then
        exec script -qec "$SHELL" /dev/null 3>&-
    fi
    exec "$SHELL" 3>&-
}
