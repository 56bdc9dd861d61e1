# The extension of a recipe, built for a further base: a word of SYSEXT_BUILD_FOR. `tools` for the base `panel-base` is
# `tools-on-panel-base`; what is set for `pn-tools` counts for it, too.
BPN := "${BPN}"
SYSEXT_FAMILY := "${SYSEXT_FAMILY}"
PN := "${PN}-on-${BBEXTENDVARIANT}"
OVERRIDES =. "pn-${BPN}:"
IMAGE_BASE_PKGDB = "${BBEXTENDVARIANT}"
SYSEXT_ALSO_FOR = ""
SYSEXT_BUILD_FOR = ""
