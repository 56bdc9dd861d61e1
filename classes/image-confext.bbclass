# A systemd-confext image on top of a base image: configuration, merged over /etc. What ships is below /etc; any other path
# of its packages is an error that names it. Needs systemd 254 on the device.
#
#   inherit image-confext
#   IMAGE_BASE_PKGDB = "base-image"
#   IMAGE_INSTALL = "device-settings"
#
# All settings of extensions (SYSEXT_…) count for it too.

SYSEXT_KIND = "confext"
# A script could run, but nothing that it makes outside of /etc could ship.
SYSEXT_SCRIPTS ?= "refuse"

# /usr/share/doc has the copyright file that every package of Debian brings.
SYSEXT_RULES ?= " \
    /etc/os-release=drop \
    /etc/ld.so.cache=drop \
    /etc/extension-release.d/**=refuse \
    /etc/**=keep \
    /usr/share/doc/**=drop \
    /usr/share/lintian/**=drop \
    /var/lib/dpkg/**=drop \
    /var/lib/apt/**=drop \
    /**=refuse \
"

inherit image-sysext
