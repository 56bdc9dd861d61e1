# An image: packages installed into a root, its package database kept for extensions, the root post-processed and
# turned into files. The tree goes from task to task as a tar with its owners in it, since an ordinary user has none.
#
#   do_rootfs ─┬─ do_pkgdb_snapshot ── do_pkgdb        every package installed, nothing post-processed
#              ├─ do_image ── do_image_<type> ── do_image_complete
#              └─────────────────────────────────────┘

INHIBIT_DEFAULT_DEPS = "1"
PACKAGES = ""
PACKAGE_ARCH = "${MACHINE}"
LICENSE ?= "MIT"

# Packages that recipes build, and packages that come from the distribution's archive.
IMAGE_INSTALL ?= ""
IMAGE_PREINSTALL ?= ""
RDEPENDS += "${IMAGE_INSTALL}"

# What becomes of the tree: words of IMAGE_TYPES.
IMAGE_FSTYPES ?= "tar.gz"
IMAGE_TYPES = "directory tar tar.gz tar.xz tar.zst squashfs erofs ext4 ddi"

# A word that none of them can have is an error where it is written.
CHECKED_VARIABLES += "IMAGE_FSTYPES IMAGE_FSTYPES_PKGDBFS IMAGE_FEATURES IMAGE_SBOM IMAGE_VERITY"
CHECKED_VARIABLES += "PACKAGE_CLASSES IMAGE_PKGTYPE IPK_FEED_URIS RPM_FEED_URIS IMAGE_ROOTFS_MAXSIZE"
IMAGE_FSTYPES[choices] = "${IMAGE_TYPES}"
IMAGE_FSTYPES_PKGDBFS[choices] = "tar tar.gz tar.xz tar.zst"
IMAGE_FEATURES[choices] = "sysext"
IMAGE_SBOM[choices] = "cyclonedx spdx"
IMAGE_VERITY[choice] = "no hash signed defer"
PACKAGE_CLASSES[choices] = "package_deb package_ipk package_rpm"
IMAGE_PKGTYPE[choice] = "deb ipk rpm"
IPK_FEED_URIS[patterns] = "(file://)?/.+|https?://[^/@]+(/.*)?"
IPK_FEED_URIS[form] = "a folder (absolute, or file:///…), or an address http://… or https://… without a login (~/.netrc has those)"
RPM_FEED_URIS[patterns] = "(file://)?/.+|https?://[^/@]+(/.*)?"
RPM_FEED_URIS[form] = "a folder (absolute, or file:///…), or an address http://… or https://… without a login (~/.netrc has those)"
IMAGE_ROOTFS_MAXSIZE[pattern] = "[0-9]{1,12}[KMGT]?"
IMAGE_ROOTFS_MAXSIZE[form] = "a number of KiB, or one with K, M, G or T behind it"

python () {
    verity = d.getVar('IMAGE_VERITY')
    if 'ddi' in d.getVar('IMAGE_FSTYPES').split():
        needed = {'signed': ['KEY', 'CERTIFICATE'], 'defer': ['CERTIFICATE'] if d.getVar('IMAGE_VERITY_SIGNATURE') else []}
        missing = ['IMAGE_VERITY_' + word for word in needed.get(verity, []) if not d.getVar('IMAGE_VERITY_' + word)]
        if missing:
            bb.fatal('IMAGE_VERITY of %s is `%s`, and %s is empty' % (d.getVar('PN'), verity, ' and '.join(missing)))
    if verity == 'signed':
        d.setVarFlag('do_image_ddi', 'signing-key', d.getVar('IMAGE_VERITY_KEY') or '')
        d.setVarFlag('do_image_ddi', 'signing-certificate', d.getVar('IMAGE_VERITY_CERTIFICATE') or '')
}
# Bills of materials that are deployed beside the image: words of cyclonedx (1.6, .cdx.json), spdx (3.0.1, .spdx.json).
IMAGE_SBOM ?= "cyclonedx spdx"
# How much the files of the image may take: KiB, or with K, M, G, T behind; empty: no limit.
IMAGE_ROOTFS_MAXSIZE ?= ""
# For `tsbake publish`: where devices find the folder, and the key of gpg that signs its SHA256SUMS.
PUBLISH_URL ?= ""
PUBLISH_GPG_KEY ?= ""
IMAGE_HOSTNAME ?= "${MACHINE}"
# 1: /etc/hosts with localhost and IMAGE_HOSTNAME, where no package brings one.
IMAGE_HOSTS ?= "1"
# Path patterns where a private key that no package ships is meant to be; anywhere else it is an error.
IMAGE_ALLOW_PRIVATE_KEYS ?= ""
# Shell functions, run on ${IMAGE_ROOTFS} as root of the tree, in this order.
ROOTFS_POSTPROCESS_COMMAND ?= ""
IMAGE_PREPROCESS_COMMAND ?= ""

# 1: extensions can be built on this image.
IMAGE_GEN_PKGDBFS ?= "0"
# What `-c pkgdb` deploys: tar, tar.gz, tar.xz, tar.zst.
IMAGE_FSTYPES_PKGDBFS ?= "tar.gz"
# sysext: extensions are merged at boot, and their accounts, files and units come with them. An image without systemd has none of it.
IMAGE_FEATURES ?= "${@'sysext' if d.getVar('IMAGE_GEN_PKGDBFS') == '1' else ''}"
IMAGE_PKGTYPE ?= "${@d.getVar('PACKAGE_CLASSES').split()[0].replace('package_', '')}"
PACKAGE_CLASSES ?= "package_deb"
# Packages of recipes, of that kind.
IMAGE_PACKAGES_DIR = "${DEPLOY_DIR}/${IMAGE_PKGTYPE}"
# Feeds of .ipk files with an index (Packages, Packages.gz), beside the archive: absolute folders, file:///…, http://…, https://….
IPK_FEED_URIS ?= ""
# Files of public keys (usign's, OpenPGP's): where there are some, the index of each feed must be signed by one of them.
IPK_FEED_KEYS ?= ""
# The same of .rpm files that tsbake has written, with repodata as createrepo_c makes it; keys are OpenPGP's, of repomd.xml.asc.
RPM_FEED_URIS ?= ""
RPM_FEED_KEYS ?= ""
IMAGE_FEEDS = "${@{'ipk': d.getVar('IPK_FEED_URIS'), 'rpm': d.getVar('RPM_FEED_URIS')}.get(d.getVar('IMAGE_PKGTYPE'), '')}"
IMAGE_FEED_KEYS = "${@{'ipk': d.getVar('IPK_FEED_KEYS'), 'rpm': d.getVar('RPM_FEED_KEYS')}.get(d.getVar('IMAGE_PKGTYPE'), '')}"

IMAGE_BASENAME ?= "${PN}"
IMAGE_MACHINE_SUFFIX ?= "-${MACHINE}"
IMAGE_VERSION_SUFFIX ?= "-${DATETIME}"
IMAGE_NAME_SUFFIX ?= ".rootfs"
IMAGE_NAME ?= "${IMAGE_BASENAME}${IMAGE_MACHINE_SUFFIX}${IMAGE_VERSION_SUFFIX}${IMAGE_NAME_SUFFIX}"
IMAGE_LINK_NAME ?= "${IMAGE_BASENAME}${IMAGE_MACHINE_SUFFIX}${IMAGE_NAME_SUFFIX}"
IMAGE_PKGDB_NAME ?= "${IMAGE_BASENAME}${IMAGE_MACHINE_SUFFIX}${IMAGE_VERSION_SUFFIX}-pkgdb${IMAGE_NAME_SUFFIX}"
IMAGE_PKGDB_LINK_NAME ?= "${IMAGE_BASENAME}${IMAGE_MACHINE_SUFFIX}-pkgdb${IMAGE_NAME_SUFFIX}"
# Shown when the build of the image ends.
BUILD_SUMMARY = "${DEPLOY_DIR_IMAGE}/${IMAGE_LINK_NAME}.summary"

# Folders: one a task, so that each task's output is one artifact.
IMAGE_ROOTFS = "${WORKDIR}/rootfs"
ROOTFS_OUTPUT = "${WORKDIR}/rootfs-output"
ROOTFS_WORK = "${WORKDIR}/rootfs-work"
PKGDB_OUTPUT = "${WORKDIR}/pkgdb-output"
PKGDB_DEPLOY = "${WORKDIR}/pkgdb-deploy"
IMAGE_TREE = "${WORKDIR}/image-tree"
IMAGE_OUTPUT = "${WORKDIR}/image-output"
IMAGE_WORK = "${WORKDIR}/image-work"
IMGDEPLOYDIR = "${WORKDIR}/image-deploy"
# Package files of the archive, shared by all images.
FEED_POOL ?= "${DL_DIR}/feed/pool"

# For ordinary users; a build as root has it too, so that both have the same signatures.
DEPENDS += "fakeroot-native"
DEPENDS += "${@'rpm-native' if d.getVar('IMAGE_PKGTYPE') == 'rpm' else ''}"

# What makes a type is needed by the task of that type alone, and runs where it was staged. In the image's own sysroot, which
# do_rootfs waits for, a new type would be a reason to install all packages again.
IMAGE_TOOLS_DIR = "${COMPONENTS_DIR}/${BUILD_ARCH}"
IMAGE_TAR_TOOLS = "${@' '.join(tool for ending, tool in (('tar.xz', 'xz-native'), ('tar.zst', 'zstd-native')) if ending in d.getVar('IMAGE_FSTYPES').split())}"
IMAGE_PKGDB_TOOLS = "${@' '.join(tool for ending, tool in (('tar.xz', 'xz-native'), ('tar.zst', 'zstd-native')) if ending in d.getVar('IMAGE_FSTYPES_PKGDBFS').split())}"

image_tools() {
    # recipes of programs, each of which the task has among what it needs
    for recipe in "$@"; do
        folder=${IMAGE_TOOLS_DIR}/$recipe
        PATH=$folder/usr/bin:$folder/usr/sbin:$folder/bin:$folder/sbin:$PATH
    done
}

# An image has no source of its own.
deltask fetch
deltask unpack
deltask patch
deltask configure
deltask compile
deltask install
deltask populate_sysroot
deltask sysroot_ready

DEVSHELL_STARTDIR = "${WORKDIR}"
do_devshell[fakeroot] = "1"

# The packages of recipes are part of the result, restored with it too; the first kind of PACKAGE_CLASSES makes the image, all are written.
do_build[recrdeptask] += "${@' '.join(sorted({'do_package_write_' + word.replace('package_', '') for word in d.getVar('PACKAGE_CLASSES').split()} | {'do_package_write_' + d.getVar('IMAGE_PKGTYPE')}))}"

# --- packages ---------------------------------------------------------------------------------------------------
ROOTFS_CLOSURE = "${@'${WORKDIR}/feed/do_rootfs.closure' if d.getVar('ROOTFS_FROM_FEED').split() else ''}"
ROOTFS_INDEXES = "${@'${WORKDIR}/feed/do_rootfs.indexes' if d.getVar('IMAGE_FEEDS').strip() else ''}"
ROOTFS_FROM_FEED = "?essential ${IMAGE_PREINSTALL}"

addtask rootfs after do_prepare_recipe_sysroot
do_rootfs[doc] = "installs packages into a root file system"
SSTATETASKS += "do_rootfs"
do_rootfs[feed-closure] = "${ROOTFS_FROM_FEED}"
# An index has the digests of all that is in the feed: they count, not where it is and who has signed it.
do_rootfs[feed-indexes] = "${IMAGE_FEEDS}"
do_rootfs[feed-format] = "${IMAGE_PKGTYPE}"
do_rootfs[feed-keys] = "${IMAGE_FEED_KEYS}"
do_rootfs[recrdeptask] = "do_package_write_${IMAGE_PKGTYPE}"
do_rootfs[taskdepdata] = "1"
do_rootfs[network] = "1"
do_rootfs[cage] = "1"
do_rootfs[progress] = "outof:(\d+) of (\d+)"
do_rootfs[cleandirs] = "${ROOTFS_OUTPUT} ${ROOTFS_WORK}"
do_rootfs[dirs] = "${FEED_POOL}"
do_rootfs[sstate-plaindirs] = "${ROOTFS_OUTPUT}"
do_rootfs[vardeps] += "TSBAKE_IMAGE_DIGEST TSBAKE_PACKAGE_DIGEST"
do_rootfs() {
    tsbake-image rootfs --options - <<'TSBAKE_OPTIONS'
        --backend=${IMAGE_PKGTYPE}
        --install=${IMAGE_PREINSTALL} ${IMAGE_INSTALL}
        --closure=${ROOTFS_CLOSURE}
        --pool=${FEED_POOL}
        --packages=${IMAGE_PACKAGES_DIR}
        --indexes=${ROOTFS_INDEXES}
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

# --- the package database, for extensions and for people ----------------------------------------------------------
addtask pkgdb_snapshot after do_rootfs
do_pkgdb_snapshot[doc] = "keeps the package database for extensions"
SSTATETASKS += "do_pkgdb_snapshot"
do_pkgdb_snapshot[cleandirs] = "${PKGDB_OUTPUT}"
do_pkgdb_snapshot[sstate-inputdirs] = "${PKGDB_OUTPUT}"
do_pkgdb_snapshot[sstate-outputdirs] = "${PKGDB_DIR}/${PN}"
do_pkgdb_snapshot() {
    [ "${IMAGE_GEN_PKGDBFS}" = 1 ] || bbfatal "${PN} keeps no package database: set IMAGE_GEN_PKGDBFS = \"1\" in its recipe"
    cp -al ${ROOTFS_OUTPUT}/pkgdb/. ${PKGDB_OUTPUT}/
}

# --- the tree as do_rootfs left it, for extensions whose maintainer scripts run on it, and for images from it ----------
BASE_TREE_OUTPUT = "${WORKDIR}/base-tree-output"

addtask base_tree after do_rootfs
do_base_tree[doc] = "keeps the base's tree for extensions whose maintainer scripts run, and for images from it"
SSTATETASKS += "do_base_tree"
do_base_tree[cleandirs] = "${BASE_TREE_OUTPUT}"
do_base_tree[sstate-inputdirs] = "${BASE_TREE_OUTPUT}"
do_base_tree[sstate-outputdirs] = "${BASE_TREE_DIR}/${PN}"
do_base_tree() {
    ln ${ROOTFS_OUTPUT}/rootfs.tar ${ROOTFS_OUTPUT}/packages.json ${BASE_TREE_OUTPUT}/
}

addtask pkgdb after do_pkgdb_snapshot
do_pkgdb[doc] = "deploys the package database as an archive"
SSTATETASKS += "do_pkgdb"
do_pkgdb[cleandirs] = "${PKGDB_DEPLOY}"
do_pkgdb[sstate-inputdirs] = "${PKGDB_DEPLOY}"
do_pkgdb[sstate-outputdirs] = "${DEPLOY_DIR_IMAGE}"
do_pkgdb[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_pkgdb[depends] += "${@' '.join(tool + ':do_populate_sysroot' for tool in d.getVar('IMAGE_PKGDB_TOOLS').split())}"
do_pkgdb() {
    image_tools ${IMAGE_PKGDB_TOOLS}
    for type in ${IMAGE_FSTYPES_PKGDBFS}; do
        tsbake-image pkgdb --snapshot ${PKGDB_OUTPUT} --type $type --epoch "${SOURCE_DATE_EPOCH}" \
            --output ${PKGDB_DEPLOY}/${IMAGE_PKGDB_NAME}.$type
        ln -s ${IMAGE_PKGDB_NAME}.$type ${PKGDB_DEPLOY}/${IMAGE_PKGDB_LINK_NAME}.$type
    done
}

# --- post-processing ----------------------------------------------------------------------------------------------
IMAGE_COMMANDS = "${@'\n'.join((d.getVar('ROOTFS_POSTPROCESS_COMMAND') + ' ' + d.getVar('IMAGE_PREPROCESS_COMMAND')).replace(';', ' ').split())}"
ROOTFS_POSTPROCESS_COMMAND:append = "${@' set_image_hostname' if d.getVar('IMAGE_HOSTNAME') else ''}"

# Before the commands of the recipe, which may add lines or write another file.
ROOTFS_POSTPROCESS_COMMAND:prepend = "${@'set_image_hosts ' if d.getVar('IMAGE_HOSTS') == '1' else ''}"

set_image_hosts() {
    # A package could have brought a link that leads to this machine.
    [ ! -L ${IMAGE_ROOTFS}/etc ] || bbfatal "/etc of the tree is a link"
    [ ! -e ${IMAGE_ROOTFS}/etc/hosts ] && [ ! -L ${IMAGE_ROOTFS}/etc/hosts ] || return 0
    mkdir -p ${IMAGE_ROOTFS}/etc
    names="${IMAGE_HOSTNAME}"
    # host.example.org is also called host.
    [ "$names" = "${names%%.*}" ] || names="$names ${names%%.*}"
    {
        printf '127.0.0.1\tlocalhost\n'
        [ -z "$names" ] || [ "$names" = localhost ] || printf '127.0.1.1\t%s\n' "$names"
        printf '\n'
        printf '::1\tlocalhost ip6-localhost ip6-loopback\n'
        printf 'ff02::1\tip6-allnodes\n'
        printf 'ff02::2\tip6-allrouters\n'
    } >${IMAGE_ROOTFS}/etc/hosts
    chmod 0644 ${IMAGE_ROOTFS}/etc/hosts
}

set_image_hostname() {
    # A package could have brought a link that leads to this machine.
    [ ! -L ${IMAGE_ROOTFS}/etc ] || bbfatal "/etc of the tree is a link"
    mkdir -p ${IMAGE_ROOTFS}/etc
    rm -f ${IMAGE_ROOTFS}/etc/hostname
    echo "${IMAGE_HOSTNAME}" >${IMAGE_ROOTFS}/etc/hostname
}

unpack_image_rootfs() {
    tsbake-image unpack --tree ${ROOTFS_OUTPUT}/rootfs.tar --root ${IMAGE_ROOTFS}
}

# Ties the image to its snapshot: extensions may ask for exactly this package database.
stamp_image_level() {
    [ "${IMAGE_GEN_PKGDBFS}" = 1 ] || return 0
    tsbake-image stamp --snapshot ${ROOTFS_OUTPUT}/pkgdb --root ${IMAGE_ROOTFS}
}

# fakeroot, of an ordinary user, is in the sysroot: a do_rootfs that was restored has not filled it.
addtask image after do_rootfs do_prepare_recipe_sysroot
do_image[doc] = "post-processes the root file system"
SSTATETASKS += "do_image"
do_image[fakeroot] = "1"
do_image[cleandirs] = "${IMAGE_ROOTFS} ${IMAGE_TREE}"
do_image[sstate-plaindirs] = "${IMAGE_TREE}"
do_image[vardeps] += "${ROOTFS_POSTPROCESS_COMMAND} ${IMAGE_PREPROCESS_COMMAND} TSBAKE_IMAGE_DIGEST TSBAKE_PACKAGE_DIGEST"
do_image() {
    unpack_image_rootfs
    ${IMAGE_COMMANDS}
    stamp_image_level
    tsbake-image pack --root ${IMAGE_ROOTFS} --owners ${ROOTFS_OUTPUT}/files.jsonl \
        --allow-private-keys "${IMAGE_ALLOW_PRIVATE_KEYS}" --epoch "${SOURCE_DATE_EPOCH}" --output ${IMAGE_TREE}
}

# --- the finished tree, with what is said of it: for images of other types or with another key (imaging.bbclass) ---------
FINISHED_TREE_OUTPUT = "${WORKDIR}/finished-tree-output"

addtask finished_tree after do_image do_rootfs
do_finished_tree[doc] = "keeps the finished tree, of which `tsbake imaging` makes images"
SSTATETASKS += "do_finished_tree"
do_finished_tree[cleandirs] = "${FINISHED_TREE_OUTPUT}"
do_finished_tree[sstate-inputdirs] = "${FINISHED_TREE_OUTPUT}"
do_finished_tree[sstate-outputdirs] = "${IMAGE_TREE_DIR}/${PN}"
do_finished_tree() {
    ln ${IMAGE_TREE}/image.tar ${IMAGE_TREE}/files.jsonl ${ROOTFS_OUTPUT}/packages.json ${ROOTFS_OUTPUT}/packages.txt \
        ${FINISHED_TREE_OUTPUT}/
}

# What has to be on a device beside an extension that is built on this image, and is deployed with it: of a base nothing.
addtask extension_complete
do_extension_complete[doc] = "deploys what extensions on this image need beside them"
do_extension_complete[noexec] = "1"
do_extension_complete() {
    :
}

# --- outputs --------------------------------------------------------------------------------------------------------
# Further arguments of the tool that makes a type.
EXTRA_IMAGECMD ?= ""
EXTRA_IMAGECMD_SQUASHFS ?= "-comp zstd -Xcompression-level 6"
EXTRA_IMAGECMD_EROFS ?= "-zlz4hc"
EXTRA_IMAGECMD_EXT4 ?= ""

# A second image that comes with it, of the same types: its tree is IMAGE_TREE/NAME/image.tar, and its files end in NAME.TYPE.
IMAGE_COMPANION ?= ""

convert_image() {
    # type, further arguments
    for part in . ${IMAGE_COMPANION}; do
        output=$part
        [ $part != . ] || output=image
        tsbake-image convert --type $1 --tree ${IMAGE_TREE}/$part/image.tar --output ${IMAGE_OUTPUT}/$1/$output \
            --work ${IMAGE_WORK} --epoch "${SOURCE_DATE_EPOCH}" "--extra=$2"
    done
}

addtask image_directory after do_image
do_image_directory[doc] = "makes the image as a folder"
SSTATETASKS += "do_image_directory"
do_image_directory[cleandirs] = "${IMAGE_OUTPUT}/directory"
do_image_directory[sstate-plaindirs] = "${IMAGE_OUTPUT}/directory"
do_image_directory[vardeps] += "TSBAKE_IMAGE_DIGEST TSBAKE_PACKAGE_DIGEST"
do_image_directory() {
    convert_image directory ""
}

# Every type that begins with tar.
IMAGE_TAR_TYPES = "${@' '.join(t for t in d.getVar('IMAGE_FSTYPES').split() if t.split('.')[0] == 'tar')}"
addtask image_tar after do_image
do_image_tar[doc] = "makes the image as a tar archive, one for each compression"
SSTATETASKS += "do_image_tar"
do_image_tar[cleandirs] = "${IMAGE_OUTPUT}/tar ${IMAGE_OUTPUT}/tar.gz ${IMAGE_OUTPUT}/tar.xz ${IMAGE_OUTPUT}/tar.zst"
do_image_tar[sstate-plaindirs] = "${IMAGE_OUTPUT}/tar ${IMAGE_OUTPUT}/tar.gz ${IMAGE_OUTPUT}/tar.xz ${IMAGE_OUTPUT}/tar.zst"
do_image_tar[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_image_tar[depends] += "${@' '.join(tool + ':do_populate_sysroot' for tool in d.getVar('IMAGE_TAR_TOOLS').split())}"
do_image_tar() {
    image_tools ${IMAGE_TAR_TOOLS}
    for type in ${IMAGE_TAR_TYPES}; do
        convert_image $type ""
    done
}

addtask image_squashfs after do_image
do_image_squashfs[doc] = "makes the image as squashfs"
SSTATETASKS += "do_image_squashfs"
do_image_squashfs[cleandirs] = "${IMAGE_OUTPUT}/squashfs"
do_image_squashfs[sstate-plaindirs] = "${IMAGE_OUTPUT}/squashfs"
do_image_squashfs[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_image_squashfs[depends] += "squashfs-tools-native:do_populate_sysroot"
do_image_squashfs() {
    image_tools squashfs-tools-native
    convert_image squashfs "${EXTRA_IMAGECMD_SQUASHFS} ${EXTRA_IMAGECMD}"
}

addtask image_erofs after do_image
do_image_erofs[doc] = "makes the image as erofs"
SSTATETASKS += "do_image_erofs"
do_image_erofs[cleandirs] = "${IMAGE_OUTPUT}/erofs ${IMAGE_WORK}"
do_image_erofs[sstate-plaindirs] = "${IMAGE_OUTPUT}/erofs"
do_image_erofs[vardeps] += "TSBAKE_IMAGE_DIGEST TSBAKE_PACKAGE_DIGEST"
do_image_erofs[depends] += "erofs-utils-native:do_populate_sysroot"
do_image_erofs() {
    image_tools erofs-utils-native
    convert_image erofs "${EXTRA_IMAGECMD_EROFS} ${EXTRA_IMAGECMD}"
}

addtask image_ext4 after do_image
do_image_ext4[doc] = "makes the image as ext4, as small as its content"
SSTATETASKS += "do_image_ext4"
do_image_ext4[cleandirs] = "${IMAGE_OUTPUT}/ext4"
do_image_ext4[sstate-plaindirs] = "${IMAGE_OUTPUT}/ext4"
do_image_ext4[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_image_ext4[depends] += "systemd-tools-native:do_populate_sysroot"
do_image_ext4() {
    image_tools systemd-tools-native
    convert_image ext4 "${EXTRA_IMAGECMD_EXT4} ${EXTRA_IMAGECMD}"
}

# What protects the content of a ddi, in the words of mkosi's Verity=. no: nothing. hash: dm-verity. signed: and a signature.
# defer: and room for a signature, which somebody else makes of NAME.roothash and IMAGE_VERITY_SIGNATURE names.
IMAGE_VERITY ?= "${@'signed' if d.getVar('IMAGE_VERITY_KEY') else 'hash'}"
# Absolute paths of PEM files. The key is nothing of an image: what is signed with it is known by the certificate.
IMAGE_VERITY_KEY ?= ""
IMAGE_VERITY_CERTIFICATE ?= ""
# Absolute path of a PKCS#7 signature in DER.
IMAGE_VERITY_SIGNATURE ?= ""
IMAGE_VERITY[vardepvalue] = "${IMAGE_VERITY}"
IMAGE_VERITY[vardepsexclude] = "IMAGE_VERITY_KEY"
DDI_WORK = "${WORKDIR}/ddi-work"

addtask image_ddi after do_image
do_image_ddi[doc] = "makes the image as a disk image with a partition table, protected by dm-verity"
SSTATETASKS += "do_image_ddi"
do_image_ddi[cleandirs] = "${IMAGE_OUTPUT}/ddi ${DDI_WORK}"
do_image_ddi[sstate-plaindirs] = "${IMAGE_OUTPUT}/ddi"
do_image_ddi[vardeps] += "TSBAKE_IMAGE_DIGEST TSBAKE_PACKAGE_DIGEST"
# The files count by their content, wherever they are, but for the key.
do_image_ddi[vardepsexclude] += "IMAGE_VERITY_KEY IMAGE_VERITY_CERTIFICATE IMAGE_VERITY_SIGNATURE"
do_image_ddi[file-checksums] += "${@' '.join(path + ':True' for path in [d.getVar('IMAGE_VERITY_CERTIFICATE'), d.getVar('IMAGE_VERITY_SIGNATURE')] if path)}"
do_image_ddi[depends] += "erofs-utils-native:do_populate_sysroot systemd-tools-native:do_populate_sysroot"
do_image_ddi() {
    image_tools erofs-utils-native systemd-tools-native
    for part in . ${IMAGE_COMPANION}; do
        if [ $part = . ]; then set -- image roothash; else set -- $part $part.roothash; fi
        tsbake-image convert --tree ${IMAGE_TREE}/$part/image.tar --output ${IMAGE_OUTPUT}/ddi/$1 \
            --root-hash ${IMAGE_OUTPUT}/ddi/$2 --options - <<'TSBAKE_OPTIONS'
        --type=ddi
        --work=${DDI_WORK}
        --epoch=${SOURCE_DATE_EPOCH}
        --extra=${EXTRA_IMAGECMD_EROFS} ${EXTRA_IMAGECMD}
        --architecture=${DPKG_ARCH}
        --verity=${IMAGE_VERITY}
        --key=${IMAGE_VERITY_KEY}
        --certificate=${IMAGE_VERITY_CERTIFICATE}
        --signature=${IMAGE_VERITY_SIGNATURE}
TSBAKE_OPTIONS
    done
}

# One task a type: an unknown type is a task that does not exist, and an error before anything runs.
IMAGE_TYPE_TASKS = "${@' '.join(sorted(set('${PN}:do_image_' + t.split('.')[0] for t in d.getVar('IMAGE_FSTYPES').split())))}"
# What `tsbake-image result` needs to know of an extension.
IMAGE_RESULT_ARGS ?= ""
IMAGE_RESULT_COMPANION ?= ""
IMAGE_RESULT_CHECK ?= ""

# What files of IMAGE_SBOM end in, and the version by which others know an image.
IMAGE_SBOM_SUFFIXES = "${@' '.join({'cyclonedx': 'cdx.json', 'spdx': 'spdx.json'}[w] for w in d.getVar('IMAGE_SBOM').split())}"
IMAGE_RESULT_VERSION = "${@d.getVar('SYSEXT_VERSION_ID') or d.getVar('PV')}"

# Its manifest comes from what do_rootfs left, which a do_image that was restored does not bring.
addtask image_complete after do_image do_rootfs before do_build
do_image_complete[doc] = "deploys the image with its manifest, its page and summary"
SSTATETASKS += "do_image_complete"
do_image_complete[depends] = "${IMAGE_TYPE_TASKS}"
do_image_complete[cleandirs] = "${IMGDEPLOYDIR}"
do_image_complete[sstate-inputdirs] = "${IMGDEPLOYDIR}"
do_image_complete[sstate-outputdirs] = "${DEPLOY_DIR_IMAGE}"
do_image_complete[vardeps] += "TSBAKE_IMAGE_DIGEST"
do_image_complete() {
    outputs=""
    delivered=""
    endings=""
    for type in ${IMAGE_FSTYPES}; do
        for part in image ${IMAGE_COMPANION}; do
            ending=$type
            [ $part = image ] || ending=$part.$type
            cp -al ${IMAGE_OUTPUT}/$type/$part ${IMGDEPLOYDIR}/${IMAGE_NAME}.$ending
            endings="$endings $ending"
            outputs="$outputs $ending=${IMGDEPLOYDIR}/${IMAGE_NAME}.$ending"
            delivered="$delivered ${IMAGE_LINK_NAME}.$ending=${IMGDEPLOYDIR}/${IMAGE_NAME}.$ending"
        done
    done
    for hash in roothash ${@d.getVar('IMAGE_COMPANION') and '${IMAGE_COMPANION}.roothash'}; do
        if [ -e ${IMAGE_OUTPUT}/ddi/$hash ]; then
            cp ${IMAGE_OUTPUT}/ddi/$hash ${IMGDEPLOYDIR}/${IMAGE_NAME}.$hash
            ln -s ${IMAGE_NAME}.$hash ${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}.$hash
        fi
    done
    cp ${ROOTFS_OUTPUT}/packages.txt ${IMGDEPLOYDIR}/${IMAGE_NAME}.manifest
    cp ${ROOTFS_OUTPUT}/packages.json ${IMGDEPLOYDIR}/${IMAGE_NAME}.packages.json
    tsbake-image result --image ${PN} --version "${IMAGE_RESULT_VERSION}" --machine ${MACHINE} --facts ${ROOTFS_OUTPUT}/packages.json \
        --files ${IMAGE_TREE}/files.jsonl --outputs "$outputs" ${IMAGE_RESULT_ARGS} ${IMAGE_RESULT_COMPANION} ${IMAGE_RESULT_CHECK} "--max-size=${IMAGE_ROOTFS_MAXSIZE}" \
        --manifest ${IMGDEPLOYDIR}/${IMAGE_NAME}.json --summary ${IMGDEPLOYDIR}/${IMAGE_NAME}.summary --page ${IMGDEPLOYDIR}/${IMAGE_NAME}.html
    if [ -n "${IMAGE_SBOM_SUFFIXES}" ]; then
        tsbake-image sbom --image ${PN} --version "${IMAGE_RESULT_VERSION}" --machine ${MACHINE} ${IMAGE_RESULT_ARGS} \
            --facts ${ROOTFS_OUTPUT}/packages.json --outputs "$delivered" --formats "${IMAGE_SBOM}" \
            --epoch "${SOURCE_DATE_EPOCH}" --output ${IMGDEPLOYDIR}/${IMAGE_NAME}
    fi
    for type in $endings ${IMAGE_SBOM_SUFFIXES} html manifest packages.json json summary; do
        ln -s ${IMAGE_NAME}.$type ${IMGDEPLOYDIR}/${IMAGE_LINK_NAME}.$type
    done
}
