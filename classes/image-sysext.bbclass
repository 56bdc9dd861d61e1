# A systemd-sysext image on top of a base image: only what the base lacks.
#
#   inherit image-sysext
#   IMAGE_BASE_PKGDB = "base-image"
#   IMAGE_PREINSTALL = "strace"
#   IMAGE_FSTYPES = "squashfs"
#
# deploys SYSEXT_NAME.raw, a link to the dated image. The name counts: systemd-sysext looks inside for
# extension-release.NAME, where NAME is the file's (or link's) name without .raw.

# Before the inherit, so that image.bbclass' own default does not win.
IMAGE_FSTYPES ?= "squashfs"

inherit image

# The recipe of the base image, or of an extension on which this one is built; it must have IMAGE_GEN_PKGDBFS = "1".
IMAGE_BASE_PKGDB ?= ""
# Recipes of further bases on which it has to work as it is: do_check looks at each.
SYSEXT_ALSO_FOR ?= ""
# Recipes of further bases for each of which an extension of its own is built: NAME-on-BASE.
SYSEXT_BUILD_FOR ?= ""
BBCLASSEXTEND += "${@' '.join('for-base:' + base for base in (d.getVar('SYSEXT_BUILD_FOR') or '').split())}"
do_build[depends] += "${@' '.join('${PN}-on-' + base + ':do_build' for base in d.getVar('SYSEXT_BUILD_FOR').split())}"
# What is the same for all of them.
SYSEXT_FAMILY ?= "${PN}"
IMAGE_HOSTNAME = ""
IMAGE_HOSTS = "0"

SYSEXT_NAME ?= "${IMAGE_BASENAME}"
# sysext: merged over /usr and /opt. confext: over /etc, set by image-confext.
SYSEXT_KIND ?= "sysext"
# What ties the extension to the base. version: the same ID and VERSION_ID. pkgdb: the very package database it was built on.
SYSEXT_LEVEL_POLICY ?= "version"
# Words of system, initrd, portable; empty: systemd's default.
SYSEXT_SCOPE ?= ""
SYSEXT_ID ?= "${PN}"
SYSEXT_VERSION_ID ?= "${PV}"
# 1: ships the package database of base and extension below /usr/lib/sysimage/SYSEXT_NAME.
SYSEXT_KEEP_PKGDB ?= "0"
# Path patterns where a different file of the base may be hidden.
SYSEXT_MAY_SHADOW ?= ""
# Packages of the base that may be upgraded, downgraded or removed.
SYSEXT_ALLOW_CHANGED ?= ""

# What becomes of maintainer scripts. merged: where there are some they run, with all triggers, on the base's tree, and what
# they changed is translated. refuse: they are an error. skip: none runs, each is reported.
SYSEXT_SCRIPTS ?= "merged"

# What a finding does that is an error, of what will not work on the device (do_check). error: the build fails. warn: it is
# told. off: nobody looks.
SYSEXT_CHECK ?= "error"
# CODE:PATHPATTERN words: findings that are meant to be.
SYSEXT_CHECK_ALLOW ?= ""
# What it does that packages of the base were built with another version of a library or kernel that the extension brings: warn or error.
SYSEXT_REBUILD ?= "warn"
# Names that must be commands (a folder of PATH has them), and paths that must be there, in extension or base.
REQUIRED_COMMANDS ?= ""
REQUIRED_PATHS ?= ""

# What becomes of files below /etc, as an action of SYSEXT_RULES. factory: copies below /usr/share/factory, which a tmpfiles.d file
# puts in place. confext: they ship in a confext image that comes with the extension, NAME.confext.raw.
SYSEXT_ETC ?= "factory"
IMAGE_COMPANION = "${@'confext' if d.getVar('SYSEXT_ETC') == 'confext' else ''}"

# What becomes of each path that a package brings; the first match decides, no match stops the build.
# keep: ships (only /usr and /opt can). confext: ships in the confext image (only /etc can). factory: a copy below /usr/share/factory and a tmpfiles.d line. folders: a
# tmpfiles.d line a folder, the rest is dropped. drop. refuse.
# Guarded by unit/image. Caches are dropped where they would hide the base's; what only scripts would make is never there.
SYSEXT_RULES ?= " \
    /usr/lib/os-release=drop \
    /etc/os-release=drop \
    /usr/lib/extension-release.d/**=refuse \
    /usr/**=keep \
    /opt=keep \
    /opt/**=keep \
    /etc/ld.so.cache=drop \
    /etc/extension-release.d/**=refuse \
    /etc/**=${SYSEXT_ETC} \
    /var/lib/apt/**=drop \
    /var/lib/systemd/deb-systemd-helper-*/**=drop \
    /var/lib/systemd/deb-systemd-user-helper-*/**=drop \
    /var/lib/ucf/**=drop \
    /var/lib/dpkg/**=drop \
    /var/cache/**=folders \
    /var/log/**=folders \
    /var/tmp/**=drop \
    /var/**=factory \
    /run/**=folders \
    /tmp/**=drop \
"

CHECKED_VARIABLES += "SYSEXT_SCRIPTS SYSEXT_CHECK SYSEXT_ETC SYSEXT_REBUILD"
SYSEXT_SCRIPTS[choice] = "merged skip refuse"
SYSEXT_CHECK[choice] = "error warn off"
SYSEXT_ETC[choice] = "factory confext"
SYSEXT_REBUILD[choice] = "warn error"

python () {
    if d.getVar('IMAGE_COMPANION') and d.getVar('SYSEXT_KIND') == 'confext':
        bb.fatal('SYSEXT_ETC of %s is confext, and it is a confext image itself' % d.getVar('PN'))
    if d.getVar('IMAGE_COMPANION') and 'ddi' in d.getVar('IMAGE_FSTYPES').split() and d.getVar('IMAGE_VERITY') == 'defer':
        bb.fatal('SYSEXT_ETC of %s is confext, and a deferred signature is one of one image: set IMAGE_VERITY to signed or hash' % d.getVar('PN'))
    if d.getVar('SYSEXT_ALSO_FOR').split() and d.getVar('SYSEXT_CHECK') == 'off':
        bb.fatal('SYSEXT_ALSO_FOR of %s names bases that nobody looks at: SYSEXT_CHECK is off' % d.getVar('PN'))
    if not d.getVar('IMAGE_BASE_PKGDB'):
        raise bb.parse.SkipRecipe('IMAGE_BASE_PKGDB is empty: set it to the recipe of the base image')
}

ROOTFS_FROM_FEED = "${IMAGE_PREINSTALL}"
SYSEXT_BASE = "${PKGDB_DIR}/${IMAGE_BASE_PKGDB}"

do_rootfs[depends] += "${IMAGE_BASE_PKGDB}:do_pkgdb_snapshot"
# The base's tree, where scripts run on it.
do_rootfs[depends] += "${@'${IMAGE_BASE_PKGDB}:do_base_tree' if d.getVar('SYSEXT_SCRIPTS') == 'merged' else ''}"
SYSEXT_BASE_TREE = "${@'${BASE_TREE_DIR}/${IMAGE_BASE_PKGDB}/rootfs.tar' if d.getVar('SYSEXT_SCRIPTS') == 'merged' else ''}"
# Checked before any task runs.
SYSEXT_BASE_MUST = "IMAGE_GEN_PKGDBFS=1 IMAGE_PKGTYPE=${IMAGE_PKGTYPE} TARGET_ARCH=${TARGET_ARCH} DISTRO=${DISTRO}"
do_rootfs[requires] = "${@' '.join('${IMAGE_BASE_PKGDB}:' + word for word in d.getVar('SYSEXT_BASE_MUST').split() if '${IMAGE_BASE_PKGDB}')}"

do_rootfs() {
    tsbake-image layer --options - <<'TSBAKE_OPTIONS'
        --backend=${IMAGE_PKGTYPE}
        --base=${SYSEXT_BASE}
        --base-tree=${SYSEXT_BASE_TREE}
        --scripts=${SYSEXT_SCRIPTS}
        --allow-changed=${SYSEXT_ALLOW_CHANGED}
        ${@'--keep-database' if d.getVar('SYSEXT_KEEP_PKGDB') == '1' else ''}
        --snapshot-name=${@d.getVar('SYSEXT_NAME') if d.getVar('IMAGE_GEN_PKGDBFS') == '1' else ''}
        --install=${IMAGE_PREINSTALL} ${IMAGE_INSTALL}
        --closure=${ROOTFS_CLOSURE}
        --pool=${FEED_POOL}
        --packages=${IMAGE_PACKAGES_DIR}
        --indexes=${ROOTFS_INDEXES}
        --taskdepdata=${T}/taskdepdata.json
        --architecture=${DPKG_ARCH}
        --distro=${DISTRO}
        --allow-private-keys=${IMAGE_ALLOW_PRIVATE_KEYS}
        --epoch=${SOURCE_DATE_EPOCH}
        --work=${ROOTFS_WORK}
        --output=${ROOTFS_OUTPUT}
TSBAKE_OPTIONS
}

# An extension on which others are built (IMAGE_GEN_PKGDBFS = "1"): its packages on its base's tree.
do_base_tree[depends] += "${@'${IMAGE_BASE_PKGDB}:do_base_tree' if d.getVar('IMAGE_GEN_PKGDBFS') == '1' else ''}"
do_base_tree[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_base_tree() {
    [ "${IMAGE_GEN_PKGDBFS}" = 1 ] || bbfatal "${PN} keeps no package database: set IMAGE_GEN_PKGDBFS = \"1\" in its recipe"
    tsbake-image base-tree --backend ${IMAGE_PKGTYPE} --base-tree ${BASE_TREE_DIR}/${IMAGE_BASE_PKGDB}/rootfs.tar --tree ${ROOTFS_OUTPUT}/rootfs.tar \
        --files ${ROOTFS_OUTPUT}/files.jsonl --facts ${ROOTFS_OUTPUT}/packages.json --snapshot ${ROOTFS_OUTPUT}/pkgdb \
        --epoch "${SOURCE_DATE_EPOCH}" --output ${BASE_TREE_OUTPUT}/rootfs.tar
}

# The layer as do_rootfs left it, or packed again after post-processing.
SYSEXT_TREE = "${@'${IMAGE_WORK}/image.tar' if d.getVar('IMAGE_COMMANDS') else '${ROOTFS_OUTPUT}/rootfs.tar'}"
SYSEXT_FILES = "${@'${IMAGE_WORK}/files.jsonl' if d.getVar('IMAGE_COMMANDS') else '${ROOTFS_OUTPUT}/files.jsonl'}"

postprocess_layer() {
    unpack_image_rootfs
    ${IMAGE_COMMANDS}
    tsbake-image pack --root ${IMAGE_ROOTFS} --owners ${ROOTFS_OUTPUT}/files.jsonl \
        --allow-private-keys "${IMAGE_ALLOW_PRIVATE_KEYS}" --epoch "${SOURCE_DATE_EPOCH}" --output ${IMAGE_WORK}
}

# The base's snapshot is read again here, so it must be there even when do_rootfs was restored.
do_image[depends] += "${IMAGE_BASE_PKGDB}:do_pkgdb_snapshot"
do_image[fakeroot] = "${@'1' if d.getVar('IMAGE_COMMANDS') else ''}"
do_image[cleandirs] += "${IMAGE_WORK}"
do_image() {
    ${@'postprocess_layer' if d.getVar('IMAGE_COMMANDS') else ''}
    tsbake-image sysext --options - <<'TSBAKE_OPTIONS'
        --tree=${SYSEXT_TREE}
        --files=${SYSEXT_FILES}
        --facts=${ROOTFS_OUTPUT}/packages.json
        --base=${SYSEXT_BASE}
        --base-name=${IMAGE_BASE_PKGDB}
        --name=${SYSEXT_NAME}
        --kind=${SYSEXT_KIND}
        --rules=${SYSEXT_RULES}
        --may-shadow=${SYSEXT_MAY_SHADOW}
        --policy=${SYSEXT_LEVEL_POLICY}
        --architecture=${DPKG_ARCH}
        --scope=${SYSEXT_SCOPE}
        --id=${SYSEXT_ID}
        --version=${SYSEXT_VERSION_ID}
        ${@'--companion' if d.getVar('IMAGE_COMPANION') else ''}
        ${@'--fixed-ids' if d.getVar('IMAGE_GEN_PKGDBFS') == '1' else ''}
        --database=${@'${ROOTFS_OUTPUT}/pkgdb/database' if d.getVar('SYSEXT_KEEP_PKGDB') == '1' else ''}
        --epoch=${SOURCE_DATE_EPOCH}
        --work=${IMAGE_WORK}
        --output=${IMAGE_TREE}
TSBAKE_OPTIONS
}

# What is merged, one over the other.
SYSEXT_TREES = "${IMAGE_TREE}/image.tar${@' ${IMAGE_TREE}/confext/image.tar' if d.getVar('IMAGE_COMPANION') else ''}"

# --- the extension merged on its base: a test of the recipe's own, and a shell -------------------------------------------
# A shell function SYSEXT_TEST runs there, as root of the tree, without network; where it fails, so does the build.
python () {
    if not d.getVar('SYSEXT_TEST'):
        d.setVarFlag('do_sysext_test', 'noexec', '1')
}
addtask sysext_test after do_image before do_image_complete
do_sysext_test[doc] = "runs SYSEXT_TEST of the recipe in the extension merged on its base"
do_sysext_test[cage] = "1"
do_sysext_test[depends] += "${@'${IMAGE_BASE_PKGDB}:do_base_tree' if d.getVar('SYSEXT_TEST') else ''}"
do_sysext_test[cleandirs] = "${WORKDIR}/sysext-test"
do_sysext_test[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_sysext_test() {
    cat >${WORKDIR}/sysext-test/test.sh <<'TSBAKE_SYSEXT_TEST'
${SYSEXT_TEST}
TSBAKE_SYSEXT_TEST
    tsbake-image try --name ${PN} --tree "${SYSEXT_TREES}" --base-tree ${BASE_TREE_DIR}/${IMAGE_BASE_PKGDB}/rootfs.tar \
        --script ${WORKDIR}/sysext-test/test.sh --work ${WORKDIR}/sysext-test
}

addtask try after do_image
do_try[doc] = "opens a shell in the extension merged on its base; nothing is left of it"
do_try[nostamp] = "1"
do_try[interactive] = "1"
do_try[cage] = "1"
do_try[lockfiles] = "${TMPDIR}/terminal.lock"
do_try[dirs] = "${WORKDIR}/sysext-try"
do_try[depends] += "${IMAGE_BASE_PKGDB}:do_base_tree"
do_try[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_try() {
    echo "${SYSEXT_NAME} on ${IMAGE_BASE_PKGDB}, without network; \`exit\` ends it, and nothing of it is kept"
    exec tsbake-image try --name ${PN} --tree "${SYSEXT_TREES}" --base-tree ${BASE_TREE_DIR}/${IMAGE_BASE_PKGDB}/rootfs.tar \
        --work ${WORKDIR}/sysext-try 3>&-
}

# --- what will not work on the device, said before it ships ------------------------------------------------------------
CHECK_OUTPUT = "${WORKDIR}/check-output"

addtask check after do_image do_rootfs before do_image_complete
do_check[doc] = "looks for what of the extension will not work on its base"
SSTATETASKS += "do_check"
do_check[depends] += "${IMAGE_BASE_PKGDB}:do_pkgdb_snapshot"
do_check[depends] += "${@' '.join(base + ':do_pkgdb_snapshot' for base in d.getVar('SYSEXT_ALSO_FOR').split())}"
do_check[requires] = "${@' '.join(base + ':' + word for base in d.getVar('SYSEXT_ALSO_FOR').split() for word in d.getVar('SYSEXT_BASE_MUST').split())}"
do_check[cleandirs] = "${CHECK_OUTPUT}"
do_check[sstate-plaindirs] = "${CHECK_OUTPUT}"
do_check[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_check() {
    [ "${SYSEXT_CHECK}" != off ] || return 0
    result=0
    tsbake-image check --options - 2>${T}/check-errors.txt <<'TSBAKE_OPTIONS' || result=$?
        --tree=${IMAGE_TREE}/image.tar
        --files=${IMAGE_TREE}/files.jsonl
        --facts=${ROOTFS_OUTPUT}/packages.json
        --extension=${IMAGE_TREE}/extension.json
        --companion=${@'${IMAGE_TREE}/confext' if d.getVar('IMAGE_COMPANION') else ''}
        --base=${SYSEXT_BASE}
        --also=${@' '.join(base + '=${PKGDB_DIR}/' + base for base in d.getVar('SYSEXT_ALSO_FOR').split())}
        --mode=${SYSEXT_CHECK}
        --rebuild=${SYSEXT_REBUILD}
        --allow=${SYSEXT_CHECK_ALLOW}
        --required-commands=${REQUIRED_COMMANDS}
        --required-paths=${REQUIRED_PATHS}
        --work=${CHECK_OUTPUT}
        --output=${CHECK_OUTPUT}/check.json
        --warnings=${CHECK_OUTPUT}/warnings.txt
TSBAKE_OPTIONS
    if [ -e ${CHECK_OUTPUT}/warnings.txt ]; then
        while IFS= read -r line; do bbwarn "$line"; done <${CHECK_OUTPUT}/warnings.txt
    fi
    # Last, for a failed task shows the end of its log.
    cat ${T}/check-errors.txt >&2
    return $result
}

# Whoever builds an extension on this one gets this one, too. No content depends on it: only do_build does.
addtask extension_complete after do_image_complete
do_extension_complete[depends] += "${IMAGE_BASE_PKGDB}:do_extension_complete"
do_build[depends] += "${IMAGE_BASE_PKGDB}:do_extension_complete"

IMAGE_RESULT_ARGS = "--extension ${IMAGE_TREE}/extension.json"
IMAGE_RESULT_CHECK = "${@'--check ${CHECK_OUTPUT}/check.json' if d.getVar('SYSEXT_CHECK') != 'off' else ''}"
IMAGE_RESULT_COMPANION = "${@'--companion-files ${IMAGE_TREE}/confext/files.jsonl' if d.getVar('IMAGE_COMPANION') else ''}"
# The first type that systemd-sysext takes as NAME.raw.
SYSEXT_RAW_TYPE = "${@next((t for t in d.getVar('IMAGE_FSTYPES').split() if t in ('squashfs', 'erofs', 'ext4', 'ddi')), '')}"

do_image_complete:append() {
    if [ -n "${SYSEXT_RAW_TYPE}" ]; then
        ln -s ${IMAGE_NAME}.${SYSEXT_RAW_TYPE} ${IMGDEPLOYDIR}/${SYSEXT_NAME}.raw
        for part in ${IMAGE_COMPANION}; do
            ln -s ${IMAGE_NAME}.$part.${SYSEXT_RAW_TYPE} ${IMGDEPLOYDIR}/${SYSEXT_NAME}.$part.raw
        done
    fi
    cp ${IMAGE_TREE}/report.txt ${IMGDEPLOYDIR}/${IMAGE_NAME}.report
    cp ${ROOTFS_OUTPUT}/skipped-scripts.txt ${IMGDEPLOYDIR}/${IMAGE_NAME}.skipped-scripts
    checked=""
    if [ "${SYSEXT_CHECK}" != off ]; then
        cp ${CHECK_OUTPUT}/check.json ${IMGDEPLOYDIR}/${IMAGE_NAME}.check.json
        checked="check.json"
    fi
    for type in report skipped-scripts $checked; do
        ln -s ${IMAGE_NAME}.$type ${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}.$type
    done
}
