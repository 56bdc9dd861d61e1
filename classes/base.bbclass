# The tasks that every recipe has, from source to build folder. Packages: package.bbclass. Sysroots: staging.bbclass.

inherit staging

# What compiles and what is compiled against; recipes that compile nothing set INHIBIT_DEFAULT_DEPS = "1".
TOOLCHAIN_DEPENDS = "${@'gcc-native make-native' if d.getVar('TOOLCHAIN') == 'feed' else ''}"
BASE_DEFAULT_DEPS = "${TOOLCHAIN_DEPENDS} virtual/libc"
BASEDEPENDS = "${@'' if d.getVar('INHIBIT_DEFAULT_DEPS') == '1' else d.getVar('BASE_DEFAULT_DEPS')}"
DEPENDS:prepend = "${BASEDEPENDS} "

SRC_URI ?= ""

addtask fetch
do_fetch[dirs] = "${DL_DIR}"
do_fetch[network] = "1"
do_fetch[file-checksums] = "${@bb.fetch.get_checksum_file_list(d)}"
do_fetch[vardeps] += "SRC_URI TSBAKE_FETCH_DIGEST"
do_fetch() {
    for uri in ${SRC_URI}; do
        tsbake-fetch fetch --uri "$uri" --filespath "${FILESPATH}" --dl-dir "${DL_DIR}"
    done
}

addtask unpack after do_fetch
do_unpack[cleandirs] = "${UNPACKDIR}"
do_unpack() {
    for uri in ${SRC_URI}; do
        tsbake-fetch unpack --uri "$uri" --filespath "${FILESPATH}" --dl-dir "${DL_DIR}" --into "${UNPACKDIR}"
    done
}

addtask patch after do_unpack
do_patch[dirs] = "${UNPACKDIR}"
do_patch() {
    for one in ${UNPACKDIR}/*.patch; do
        [ -e "$one" ] || continue
        bbnote "applying $one"
        patch -p1 -d ${S} <"$one"
    done
}

addtask configure after do_patch do_prepare_recipe_sysroot
do_configure[dirs] = "${B}"
do_configure() {
    :
}

addtask compile after do_configure
do_compile[dirs] = "${B}"
do_compile() {
    :
}

addtask install after do_compile
do_install[dirs] = "${B}"
do_install[cleandirs] = "${D}"
do_install() {
    :
}

addtask build after do_populate_sysroot
do_build[noexec] = "1"
do_build() {
    :
}

addtask clean
do_clean[nostamp] = "1"
do_clean() {
    rm -rf ${WORKDIR} ${STAMP}.*
}

