# Publishes the closure of a feed recipe: packages that were linked with its libraries depend on packages in it, and an
# image finds them there, in the very versions that were linked with. Inherited by feed.bbclass for target recipes.

PKGWRITEDIRDEB = "${WORKDIR}/deploy-debs"

addtask package_write_deb after do_fetch before do_build
do_package_write_deb[doc] = "tells images which packages of the archive the recipe is made of"
SSTATETASKS += "do_package_write_deb"
do_package_write_deb[cleandirs] = "${PKGWRITEDIRDEB}"
do_package_write_deb[sstate-inputdirs] = "${PKGWRITEDIRDEB}"
do_package_write_deb[sstate-outputdirs] = "${DEPLOY_DIR_DEB}/${PN}"
do_package_write_deb[feed-closure] = "${FEED_PACKAGES}"
do_package_write_deb() {
    cp ${WORKDIR}/feed/do_package_write_deb.closure ${PKGWRITEDIRDEB}/${PN}.closure
}
