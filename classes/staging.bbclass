# Private staging: a recipe sees in its sysroots what the recipes in its DEPENDS staged, and nothing else.

# Folders of ${D} that other recipes may compile against or run.
SYSROOT_DIRS ?= "${includedir} ${libdir} ${exec_prefix}/lib /lib /lib64 ${datadir}/pkgconfig ${datadir}/tsbake"
SYSROOT_DIRS_NATIVE ?= "/"
SYSROOT_STAGED = "${SYSROOT_DIRS}"
SYSROOT_STAGED:class-native = "${SYSROOT_DIRS_NATIVE}"

addtask populate_sysroot after do_install
do_populate_sysroot[doc] = "stages what other recipes compile against or run"
SSTATETASKS += "do_populate_sysroot"
do_populate_sysroot[cleandirs] = "${SYSROOT_DESTDIR}"
do_populate_sysroot[sstate-inputdirs] = "${SYSROOT_DESTDIR}"
do_populate_sysroot[sstate-outputdirs] = "${COMPONENTS_DIR}/${PACKAGE_ARCH}/${PN}"
do_populate_sysroot() {
    for dir in ${SYSROOT_STAGED}; do
        if [ "$dir" = / ]; then
            cp -al ${D}/. ${SYSROOT_DESTDIR}/
        elif [ -e ${D}$dir ]; then
            mkdir -p "${SYSROOT_DESTDIR}$(dirname $dir)"
            cp -al ${D}$dir "${SYSROOT_DESTDIR}$(dirname $dir)/"
        fi
    done
}

# Follows DEPENDS all the way down, so that the libraries that a library needs are staged with it.
addtask sysroot_ready after do_populate_sysroot
do_sysroot_ready[doc] = "the recipe and all that it needs are staged"
do_sysroot_ready[noexec] = "1"
do_sysroot_ready[deptask] = "do_sysroot_ready"
do_sysroot_ready() {
    :
}

addtask prepare_recipe_sysroot after do_fetch
do_prepare_recipe_sysroot[doc] = "fills the recipe's own sysroots with what DEPENDS staged"
do_prepare_recipe_sysroot[deptask] = "do_sysroot_ready"
do_prepare_recipe_sysroot[taskdepdata] = "1"
do_prepare_recipe_sysroot[cleandirs] = "${RECIPE_SYSROOT} ${RECIPE_SYSROOT_NATIVE}"
do_prepare_recipe_sysroot[vardeps] += "TSBAKE_PACKAGE_DIGEST"
do_prepare_recipe_sysroot() {
    tsbake-package sysroot --options - <<'TSBAKE_OPTIONS'
        --depends=${DEPENDS}
        --taskdepdata=${T}/taskdepdata.json
        --components=${COMPONENTS_DIR}
        --target=${RECIPE_SYSROOT}
        --native=${RECIPE_SYSROOT_NATIVE}
TSBAKE_OPTIONS
}
