SUMMARY = "Makes and examines disk images of extensions (DDI): systemd-repart, systemd-dissect, systemd-sysext, veritysetup, e2fsprogs"

inherit feed native

# Of a release that is newer than most bases: systemd-repart works on files, and mke2fs makes the same bytes twice, only there.
# A stable one: its archive keeps the packages that a build was made with.
SYSTEMD_TOOLS_SUITE ?= "trixie"
FEED_SOURCES = "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] host: ${SYSTEMD_TOOLS_SUITE} main"

# The libraries are those that systemd loads when it has to; nothing depends on them.
FEED_PACKAGES = " \
    systemd systemd-repart systemd-container cryptsetup-bin e2fsprogs openssl \
    libarchive13t64 libblkid1 libcryptsetup12 libfdisk1 libmount1 libssl3t64 \
"
FEED_EXCLUDE = "usr/share/zoneinfo usr/lib/udev usr/share/i18n usr/share/polkit-1 usr/share/dbus-1"

# Two C libraries cannot lie in one sysroot at one place. Programs find theirs from where they are.
TOOLS_FOLDER = "usr/lib/systemd-tools"
TOOLS_COMMANDS = "systemd-repart systemd-dissect systemd-sysext systemd-confext veritysetup mke2fs resize2fs"

do_install:append() {
    mkdir -p ${WORKDIR}/tree ${D}
    rm -rf ${WORKDIR}/tree
    mv ${D} ${WORKDIR}/tree
    mkdir -p ${D}/usr/lib ${D}/usr/bin
    mv ${WORKDIR}/tree ${D}/${TOOLS_FOLDER}
    for command in ${TOOLS_COMMANDS}; do
        for folder in usr/bin usr/sbin; do
            [ ! -e ${D}/${TOOLS_FOLDER}/$folder/$command ] || ln -sf ../../${TOOLS_FOLDER}/$folder/$command ${D}/usr/bin/$command
        done
        [ -e ${D}/usr/bin/$command ] || bbfatal "the packages have no $command"
    done
}
