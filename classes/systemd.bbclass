# Enables the units of a recipe's packages, or only brings them. The variables are OE-core's.
#
#   inherit systemd
#   SYSTEMD_SERVICE:${PN} = "gardend.service"

inherit package-scripts

SYSTEMD_PACKAGES ?= "${PN}"
# Units, also SYSTEMD_SERVICE:package; those of a template with an instance: `getty@tty1.service`.
SYSTEMD_SERVICE ?= ""
# enable, or disable: the units are there and somebody else starts them. Also SYSTEMD_AUTO_ENABLE:package.
SYSTEMD_AUTO_ENABLE ??= "enable"
SYSTEMD_UNITS = ""

python () {
    import shlex
    all_units = []
    for package in packages_named_by(d, 'SYSTEMD_PACKAGES'):
        units = of_package(d, 'SYSTEMD_SERVICE', package).split()
        how = of_package(d, 'SYSTEMD_AUTO_ENABLE', package).strip()
        if how not in ('enable', 'disable'):
            bb.fatal('SYSTEMD_AUTO_ENABLE of package %s of %s is `%s`: set it to enable or disable' % (package, d.getVar('PN'), how))
        kinds = ('service', 'socket', 'timer', 'path', 'mount', 'automount', 'swap', 'target', 'slice')
        odd = [unit for unit in units if '/' in unit or unit.rpartition('.')[2] not in kinds]
        if odd:
            bb.fatal('SYSTEMD_SERVICE of package %s of %s has %s: it has names of units, such as %s.service' % (package, d.getVar('PN'), ', '.join(odd), package))
        if not units:
            continue
        all_units += units
        folders = [d.getVar('systemd_system_unitdir'), d.getVar('sysconfdir') + '/systemd/system']
        files = [unit.partition('@')[0] + '@.' + unit.rpartition('.')[2] if '@' in unit else unit for unit in units]
        d.appendVar('FILES:' + package, ''.join(' %s/%s' % (folder, name) for folder in folders for name in files))
        words = ' '.join(shlex.quote(unit) for unit in units)
        if how == 'enable':
            add_to_package_script(d, package, 'postinst', d.getVar('SYSTEMD_POSTINST_ENABLE').replace('UNITS', words))
            add_to_package_script(d, package, 'postrm', d.getVar('SYSTEMD_POSTRM_ENABLE').replace('UNITS', words))
        add_to_package_script(d, package, 'postinst', d.getVar('SYSTEMD_POSTINST_' + how.upper() + '_RUNNING').replace('UNITS', words))
        add_to_package_script(d, package, 'prerm', d.getVar('SYSTEMD_PRERM').replace('UNITS', words))
    d.setVar('SYSTEMD_UNITS', ' '.join(all_units))
}

# deb-systemd-helper makes the links where no systemd is or runs, as in an image that is being built, and remembers what the
# administrator of a device has switched off. It knows no instances.
SYSTEMD_POSTINST_ENABLE() {
for unit in UNITS; do
    case $unit in
    *@?*.*) systemctl enable "$unit" || exit 1 ;;
    *)
        if ! command -v deb-systemd-helper >/dev/null; then
            systemctl enable "$unit" || exit 1
            continue
        fi
        deb-systemd-helper unmask "$unit" >/dev/null || true
        if deb-systemd-helper --quiet was-enabled "$unit"; then
            deb-systemd-helper enable "$unit" >/dev/null || exit 1
        else
            deb-systemd-helper update-state "$unit" >/dev/null || true
        fi
        ;;
    esac
done
}

# Where a system runs, and only there.
SYSTEMD_POSTINST_ENABLE_RUNNING() {
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    for unit in UNITS; do
        deb-systemd-invoke restart "$unit" >/dev/null || true
    done
fi
}

SYSTEMD_POSTINST_DISABLE_RUNNING() {
if [ -d /run/systemd/system ]; then
    systemctl --system daemon-reload >/dev/null || true
    for unit in UNITS; do
        systemctl --quiet is-active "$unit" && deb-systemd-invoke restart "$unit" >/dev/null || true
    done
fi
}

# The first word is dpkg's and opkg's `remove`, or rpm's number of versions that stay.
SYSTEMD_PRERM() {
case $1 in
remove | 0)
    if [ -d /run/systemd/system ]; then
        for unit in UNITS; do
            deb-systemd-invoke stop "$unit" >/dev/null || true
        done
    fi
    ;;
esac
}

SYSTEMD_POSTRM_ENABLE() {
case $1 in
purge | 0)
    for unit in UNITS; do
        ! command -v deb-systemd-helper >/dev/null || deb-systemd-helper purge "$unit" >/dev/null || true
    done
    ;;
esac
}

# A name with a slip in it would enable nothing.
do_install[postfuncs] += "systemd_check_units"
systemd_check_units() {
    for unit in ${SYSTEMD_UNITS}; do
        file=$(echo $unit | sed 's|@.*\.|@.|')
        if [ ! -e ${D}${systemd_system_unitdir}/$file ] && [ ! -e ${D}/lib/systemd/system/$file ] && [ ! -e ${D}${sysconfdir}/systemd/system/$file ]; then
            bbfatal "SYSTEMD_SERVICE of ${PN} has $unit, and do_install has put no $file into ${systemd_system_unitdir}: install it there, or correct the name"
        fi
    done
}
