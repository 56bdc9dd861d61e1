# A recipe whose output runs on the machine that builds.
CLASSOVERRIDE = "class-native"
PACKAGE_ARCH = "${BUILD_ARCH}"
PACKAGES = ""
BPN = "${@d.getVar('PN').removesuffix('-native')}"
