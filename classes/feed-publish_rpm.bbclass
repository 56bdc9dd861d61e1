# Publishes the closure of a feed recipe: packages that were linked with its libraries depend on packages in it, and an
# image finds them there, in the very versions that were linked with. Inherited by feed.bbclass for target recipes.

PKGWRITEDIRRPM = "${WORKDIR}/deploy-rpms"

addtask package_write_rpm after do_fetch before do_build
do_package_write_rpm[doc] = "tells images which packages of the archive the recipe is made of"
SSTATETASKS += "do_package_write_rpm"
do_package_write_rpm[cleandirs] = "${PKGWRITEDIRRPM}"
do_package_write_rpm[sstate-inputdirs] = "${PKGWRITEDIRRPM}"
do_package_write_rpm[sstate-outputdirs] = "${DEPLOY_DIR_RPM}/${PN}"
do_package_write_rpm[feed-closure] = "${FEED_PACKAGES}"
do_package_write_rpm() {
    cp ${WORKDIR}/feed/do_package_write_rpm.closure ${PKGWRITEDIRRPM}/${PN}.closure
}
