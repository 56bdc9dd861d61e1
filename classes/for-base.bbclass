# The extension of a recipe, built for a further base: a word of SYSEXT_BUILD_FOR. `tools` for the base `panel-base` is
# `tools-on-panel-base`; what is set for `pn-tools` counts for it, too, and `for-base` is an override of all of these.
BPN := "${BPN}"
SYSEXT_FAMILY := "${SYSEXT_FAMILY}"
PN := "${PN}-on-${BBEXTENDVARIANT}"
OVERRIDES =. "pn-${BPN}:"
OVERRIDES .= ":for-base"
IMAGE_BASE_PKGDB:for-base = "${BBEXTENDVARIANT}"
SYSEXT_ALSO_FOR:for-base = ""
SYSEXT_BUILD_FOR:for-base = ""
