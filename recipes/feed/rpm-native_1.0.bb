SUMMARY = "Installs rpm packages, keeps their database and writes feed indexes: rpm, rpmdb, rpmkeys, createrepo_c"

inherit feed native

FEED_PACKAGES = "rpm createrepo-c"
# For building packages from sources, which nobody does with it.
FEED_EXCLUDE = "usr/lib/*/perl* usr/share/perl* usr/share/dpkg usr/lib/dpkg usr/sbin usr/lib/*/gconv etc var"

RPM_COMMANDS = "rpm rpm2archive rpmdb rpmkeys createrepo_c"

# Commands that it needs for nothing (dpkg, perl, tar) would stand before those of the host. rpm looks for its macros and rpmrc at the
# place that it was compiled for, unless it is told another one.
do_install:append() {
    mkdir ${WORKDIR}/keep
    for command in ${RPM_COMMANDS}; do
        [ -f ${D}/usr/bin/$command ] || bbfatal "the packages have no $command"
        sed -i 's|^exec |export RPM_CONFIGDIR="$r/usr/lib/rpm"\n&|' ${D}/usr/bin/$command
        mv ${D}/usr/bin/$command ${D}/usr/bin/.$command.elf ${WORKDIR}/keep/
    done
    rm -rf ${D}/usr/bin
    mv ${WORKDIR}/keep ${D}/usr/bin
}
do_install[cleandirs] += "${D}"
