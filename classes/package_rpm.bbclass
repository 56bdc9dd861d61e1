# Writes a recipe's packages as .rpm files: one folder a recipe below ${DEPLOY_DIR_RPM}.

PKGWRITEDIRRPM = "${WORKDIR}/deploy-rpms"

addtask package_write_rpm after do_package before do_build
do_package_write_rpm[doc] = "writes the packages as .rpm files"
SSTATETASKS += "do_package_write_rpm"
do_package_write_rpm[cleandirs] = "${PKGWRITEDIRRPM}"
do_package_write_rpm[sstate-inputdirs] = "${PKGWRITEDIRRPM}"
do_package_write_rpm[sstate-outputdirs] = "${DEPLOY_DIR_RPM}/${PN}"
do_package_write_rpm[vardeps] += "TSBAKE_PACKAGE_DIGEST"
do_package_write_rpm() {
    tsbake-package write-rpm --spec ${PKGDESTWORK}/spec.json --facts ${PKGDESTWORK}/facts.json \
        --packages ${PKGDEST} --out ${PKGWRITEDIRRPM} --epoch "${SOURCE_DATE_EPOCH}"
}
