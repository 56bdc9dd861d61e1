# A whole image that begins with the tree of another one: packages are added and removed, as on a device, and all else is as in any image.
#
#   inherit image-template
#   IMAGE_TEMPLATE_BASE = "base-image"
#   IMAGE_PREINSTALL = "strace"
#   IMAGE_REMOVE = "nano"
#
# The base is a recipe of this project, or one for which a bundle of IMAGE_TEMPLATE stands. The tree is as the base's do_rootfs left it:
# what ROOTFS_POSTPROCESS_COMMAND of the base does is the base's, and is not in it.

inherit image

# The recipe of the base image; it must have IMAGE_GEN_PKGDBFS = "1".
IMAGE_TEMPLATE_BASE ?= ""
# Packages of the base that go, with their configuration.
IMAGE_REMOVE ?= ""
# 1: what a removed package leaves behind is an error.
IMAGE_REMOVE_STRICT ?= "0"
# KIND:PATTERN words: what may be left. KIND: alternative, configuration, file, group, link, override, unit, user.
IMAGE_REMOVE_ALLOW ?= ""
# Packages of the base that may come in another version.
IMAGE_ALLOW_CHANGED ?= ""

# Removing is dpkg's: nothing else has been taught it.
CHECKED_VARIABLES += "IMAGE_PKGTYPE IMAGE_REMOVE_STRICT"
IMAGE_PKGTYPE[choice] = "deb"
IMAGE_REMOVE_STRICT[choice] = "0 1"

python () {
    if not d.getVar('IMAGE_TEMPLATE_BASE'):
        raise bb.parse.SkipRecipe('IMAGE_TEMPLATE_BASE is empty: set it to the recipe of the base image')
}

ROOTFS_FROM_FEED = "${IMAGE_PREINSTALL}"

do_rootfs[depends] += "${IMAGE_TEMPLATE_BASE}:do_pkgdb_snapshot ${IMAGE_TEMPLATE_BASE}:do_base_tree"
# Checked before any task runs.
IMAGE_TEMPLATE_MUST = "IMAGE_GEN_PKGDBFS=1 IMAGE_PKGTYPE=${IMAGE_PKGTYPE} TARGET_ARCH=${TARGET_ARCH} DISTRO=${DISTRO}"
do_rootfs[requires] = "${@' '.join('${IMAGE_TEMPLATE_BASE}:' + word for word in d.getVar('IMAGE_TEMPLATE_MUST').split())}"

do_rootfs() {
    tsbake-image template --options - <<'TSBAKE_OPTIONS'
        --backend=${IMAGE_PKGTYPE}
        --base=${PKGDB_DIR}/${IMAGE_TEMPLATE_BASE}
        --base-name=${IMAGE_TEMPLATE_BASE}
        --base-tree=${BASE_TREE_DIR}/${IMAGE_TEMPLATE_BASE}/rootfs.tar
        --base-facts=${BASE_TREE_DIR}/${IMAGE_TEMPLATE_BASE}/packages.json
        --install=${IMAGE_PREINSTALL} ${IMAGE_INSTALL}
        --remove=${IMAGE_REMOVE}
        --allow-changed=${IMAGE_ALLOW_CHANGED}
        --may-leave=${IMAGE_REMOVE_ALLOW}
        ${@'--strict' if d.getVar('IMAGE_REMOVE_STRICT') == '1' else ''}
        --closure=${ROOTFS_CLOSURE}
        --pool=${FEED_POOL}
        --packages=${IMAGE_PACKAGES_DIR}
        --taskdepdata=${T}/taskdepdata.json
        --architecture=${DPKG_ARCH}
        --distro=${DISTRO}
        --allow-private-keys=${IMAGE_ALLOW_PRIVATE_KEYS}
        --features=${IMAGE_FEATURES}
        --epoch=${SOURCE_DATE_EPOCH}
        --work=${ROOTFS_WORK}
        --output=${ROOTFS_OUTPUT}
TSBAKE_OPTIONS
}

do_image_complete:append() {
    cp ${ROOTFS_OUTPUT}/report.txt ${IMGDEPLOYDIR}/${IMAGE_NAME}.report
    ln -s ${IMAGE_NAME}.report ${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}.report
}
