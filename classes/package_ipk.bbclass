# Writes a recipe's packages as .ipk files: one folder a recipe below ${DEPLOY_DIR_IPK}.

PKGWRITEDIRIPK = "${WORKDIR}/deploy-ipks"

addtask package_write_ipk after do_package before do_build
do_package_write_ipk[doc] = "writes the packages as .ipk files"
SSTATETASKS += "do_package_write_ipk"
do_package_write_ipk[cleandirs] = "${PKGWRITEDIRIPK}"
do_package_write_ipk[sstate-inputdirs] = "${PKGWRITEDIRIPK}"
do_package_write_ipk[sstate-outputdirs] = "${DEPLOY_DIR_IPK}/${PN}"
do_package_write_ipk[vardeps] += "TSBAKE_PACKAGE_DIGEST"
do_package_write_ipk() {
    tsbake-package write-ipk --spec ${PKGDESTWORK}/spec.json --facts ${PKGDESTWORK}/facts.json \
        --packages ${PKGDEST} --out ${PKGWRITEDIRIPK} --epoch "${SOURCE_DATE_EPOCH}"
}
