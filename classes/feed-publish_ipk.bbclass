# Publishes the closure of a feed recipe: packages that were linked with its libraries depend on packages in it, and an
# image finds them there, in the very versions that were linked with. Inherited by feed.bbclass for target recipes.

PKGWRITEDIRIPK = "${WORKDIR}/deploy-ipks"

addtask package_write_ipk after do_fetch before do_build
do_package_write_ipk[doc] = "tells images which packages of the archive the recipe is made of"
SSTATETASKS += "do_package_write_ipk"
do_package_write_ipk[cleandirs] = "${PKGWRITEDIRIPK}"
do_package_write_ipk[sstate-inputdirs] = "${PKGWRITEDIRIPK}"
do_package_write_ipk[sstate-outputdirs] = "${DEPLOY_DIR_IPK}/${PN}"
do_package_write_ipk[feed-closure] = "${FEED_PACKAGES}"
do_package_write_ipk() {
    cp ${WORKDIR}/feed/do_package_write_ipk.closure ${PKGWRITEDIRIPK}/${PN}.closure
}
