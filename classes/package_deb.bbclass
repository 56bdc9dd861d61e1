# Writes a recipe's packages as .deb files: one folder a recipe below ${DEPLOY_DIR_DEB}.

PKGWRITEDIRDEB = "${WORKDIR}/deploy-debs"

addtask package_write_deb after do_package before do_build
do_package_write_deb[doc] = "writes the packages as .deb files"
SSTATETASKS += "do_package_write_deb"
do_package_write_deb[cleandirs] = "${PKGWRITEDIRDEB}"
do_package_write_deb[sstate-inputdirs] = "${PKGWRITEDIRDEB}"
do_package_write_deb[sstate-outputdirs] = "${DEPLOY_DIR_DEB}/${PN}"
do_package_write_deb[vardeps] += "TSBAKE_PACKAGE_DIGEST"
do_package_write_deb() {
    tsbake-package write-deb --spec ${PKGDESTWORK}/spec.json --facts ${PKGDESTWORK}/facts.json \
        --packages ${PKGDEST} --out ${PKGWRITEDIRDEB} --epoch "${SOURCE_DATE_EPOCH}"
}
