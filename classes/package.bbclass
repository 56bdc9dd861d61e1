# Divides what a recipe installed into packages. The variables are OE-core's: PACKAGES, FILES:pkg, RDEPENDS:pkg and so on.
# Dependencies on shared libraries are found in the programs themselves.

PACKAGE_CLASSES ?= "package_deb"

# The first package whose FILES match gets a file.
PACKAGES = "${PN}-dbg ${PN}-staticdev ${PN}-dev ${PN}-doc ${PN}"

FILES:${PN}-dbg = "${prefix}/lib/debug ${prefix}/src/debug"
FILES:${PN}-staticdev = "${libdir}/*.a ${libdir}/${BPN}/*.a"
FILES:${PN}-dev = " \
    ${includedir} ${libdir}/lib*.so ${libdir}/*.la ${libdir}/*.o ${libdir}/pkgconfig ${datadir}/pkgconfig \
    ${libdir}/cmake ${datadir}/cmake ${datadir}/aclocal \
"
FILES:${PN}-doc = "${docdir} ${mandir} ${datadir}/info ${datadir}/gtk-doc"
FILES:${PN} = " \
    ${bindir} ${sbindir} ${libexecdir} ${libdir}/lib*.so.* ${libdir}/${BPN} ${exec_prefix}/lib/${BPN} \
    /bin /sbin /lib ${sysconfdir} ${localstatedir} ${datadir}/${BPN} ${exec_prefix}/lib/systemd ${exec_prefix}/lib/udev \
    ${exec_prefix}/lib/sysusers.d ${exec_prefix}/lib/tmpfiles.d ${datadir}/bash-completion ${datadir}/dbus-1 \
"
SUMMARY:${PN}-dbg ?= "${SUMMARY} (debug information)"
SUMMARY:${PN}-staticdev ?= "${SUMMARY} (static library)"
SUMMARY:${PN}-dev ?= "${SUMMARY} (headers)"
SUMMARY:${PN}-doc ?= "${SUMMARY} (documentation)"
SECTION:${PN}-dbg ?= "debug"
SECTION:${PN}-dev ?= "devel"
SECTION:${PN}-staticdev ?= "devel"
SECTION:${PN}-doc ?= "doc"

PKGV ?= "${PV}"
PKGR ?= "${PR}"
# Of every package, as other packages write it.
EXTENDPKGV = "${@(d.getVar('PE') + ':' if d.getVar('PE') else '')}${PKGV}-${PKGR}"
PRIORITY ?= "optional"

RDEPENDS:${PN}-dev ?= "${PN} (= ${EXTENDPKGV})"
RDEPENDS:${PN}-staticdev ?= "${PN}-dev (= ${EXTENDPKGV})"

# Debian's fields and the variables that fill them.
def package_spec(d):
    import json
    relations = {
        'Depends': 'RDEPENDS', 'Recommends': 'RRECOMMENDS', 'Suggests': 'RSUGGESTS', 'Provides': 'RPROVIDES',
        'Replaces': 'RREPLACES', 'Conflicts': 'RCONFLICTS',
    }
    scripts = ['preinst', 'postinst', 'prerm', 'postrm']
    packages = []
    for name in (d.getVar('PACKAGES') or '').split():
        def of(variable):
            return d.getVar(variable + ':' + name) or ''
        packages.append({
            'name': name,
            'files': of('FILES'),
            'summary': of('SUMMARY') or d.getVar('SUMMARY'),
            'description': of('DESCRIPTION') or d.getVar('DESCRIPTION'),
            'section': of('SECTION') or d.getVar('SECTION'),
            'relations': {field: of(variable) for field, variable in relations.items()},
            'conffiles': of('CONFFILES'),
            'scripts': {script: of('pkg_' + script) for script in scripts},
            'allowEmpty': of('ALLOW_EMPTY') == '1',
        })
    return json.dumps({
        'recipe': d.getVar('PN'),
        'version': d.getVar('EXTENDPKGV'),
        'architecture': 'all' if d.getVar('PACKAGE_ARCH') == 'all' else d.getVar('DPKG_ARCH'),
        'maintainer': d.getVar('MAINTAINER'),
        'homepage': d.getVar('HOMEPAGE') or '',
        'license': d.getVar('LICENSE') or '',
        'priority': d.getVar('PRIORITY'),
        'packages': packages,
        'allowUnshipped': 'installed-vs-shipped' in (d.getVar('INSANE_SKIP') or '').split(),
    }, indent=1, sort_keys=True)

# Its value, not its text, is what signatures take in: which variables it reads depends on PACKAGES.
PACKAGE_SPEC = "${@package_spec(d)}"
PACKAGE_SPEC[vardepvalue] = "${PACKAGE_SPEC}"

# Writes the specification of all packages to the file $1.
write_package_spec() {
    mkdir -p "$(dirname "$1")"
    cat >"$1" <<'TSBAKE_END_OF_SPEC'
${PACKAGE_SPEC}
TSBAKE_END_OF_SPEC
}

addtask package after do_install do_prepare_recipe_sysroot
do_package[doc] = "divides what was installed into PACKAGES"
SSTATETASKS += "do_package"
do_package[cleandirs] = "${PKGDEST} ${PKGDESTWORK}"
do_package[sstate-plaindirs] = "${PKGDEST} ${PKGDESTWORK}"
do_package[vardeps] += "TSBAKE_PACKAGE_DIGEST"
do_package() {
    write_package_spec ${PKGDESTWORK}/spec.json
    tsbake-package split --spec ${PKGDESTWORK}/spec.json --from ${D} --into ${PKGDEST} \
        --facts ${PKGDESTWORK}/facts.json --sysroot ${RECIPE_SYSROOT} --strip "${STRIP}" --objcopy "${OBJCOPY}"
}

# Who links a library of this recipe learns from its sysroot which package to depend on.
do_populate_sysroot[vardeps] += "TSBAKE_PACKAGE_DIGEST"
do_populate_sysroot:append:class-target() {
    write_package_spec ${WORKDIR}/sysroot-spec.json
    tsbake-package shlibs --spec ${WORKDIR}/sysroot-spec.json --from ${D} --into ${SYSROOT_DESTDIR}
}

inherit ${PACKAGE_CLASSES}
