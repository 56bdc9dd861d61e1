# A recipe whose whole content comes from the distribution's archive: FEED_PACKAGES and everything they need, as apt
# solves it. Nothing is taken from the machine that builds, and nothing is installed on it. The solution (names,
# versions, SHA-256) is part of the signature: a newer list that changes nothing for the recipe rebuilds nothing.
#
# With `inherit native` the tree holds programs that run from any folder; otherwise what programs are compiled against.

FEED_PACKAGES ?= ""
# `path:target` words: links that maintainer scripts would make through update-alternatives.
FEED_LINKS ?= ""
# Paths to leave out, as tar matches them.
FEED_EXCLUDE ?= ""
# Package files of the archive, shared by all recipes and images.
FEED_POOL ?= "${DL_DIR}/feed/pool"
FEED_KIND = "target"
FEED_KIND:class-native = "native"

INHIBIT_DEFAULT_DEPS = "1"
LICENSE ?= "distribution"
PACKAGES = ""
SRC_URI = ""
SYSROOT_STAGED = "/"

deltask unpack
deltask patch
deltask configure
deltask compile

do_fetch[doc] = "fetches packages from the distribution's archive"
do_fetch[dirs] = "${FEED_POOL}"
do_fetch[network] = "1"
do_fetch[progress] = "outof:(\d+) of (\d+)"
do_fetch[feed-closure] = "${FEED_PACKAGES}"
do_fetch[vardeps] += "TSBAKE_PACKAGE_DIGEST"
do_fetch() {
    [ -n "${FEED_PACKAGES}" ] || bbfatal "FEED_PACKAGES is empty: set it in ${PN} to names of the archive's packages"
    tsbake-package feed-fetch --closure ${WORKDIR}/feed/do_fetch.closure --pool ${FEED_POOL}
}

# Fetches again what someone removed from the pool since do_fetch ran.
addtask install after do_fetch
do_install[doc] = "unpacks the fetched packages into one tree"
do_install[dirs] = "${FEED_POOL}"
do_install[network] = "1"
do_install[progress] = "outof:(\d+) of (\d+)"
do_install[feed-closure] = "${FEED_PACKAGES}"
do_install[vardeps] += "TSBAKE_PACKAGE_DIGEST"
do_install() {
    tsbake-package feed-fetch --closure ${WORKDIR}/feed/do_install.closure --pool ${FEED_POOL}
    tsbake-package feed-unpack --options - <<'TSBAKE_OPTIONS'
        --closure=${WORKDIR}/feed/do_install.closure
        --pool=${FEED_POOL}
        --into=${D}
        --kind=${FEED_KIND}
        --links=${FEED_LINKS}
        --exclude=${FEED_EXCLUDE}
        --architecture=${DPKG_ARCH}
TSBAKE_OPTIONS
}

# Of the target's libraries, images learn what the archive has.
inherit_defer ${@(d.getVar('PACKAGE_CLASSES') or 'package_deb').replace('package_', 'feed-publish_') if d.getVar('FEED_KIND') == 'target' else ''}
