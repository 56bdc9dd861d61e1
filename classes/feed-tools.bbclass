# Tools of the archive in a folder of their own: only TOOLS_COMMANDS are on the PATH of who needs the recipe. What their packages
# need besides (a Perl, a Python, a tar) stands before nothing of the host's, and meets nothing of another tool's.
#
#   inherit feed-tools
#   FEED_PACKAGES = "cmake"
#   TOOLS_COMMANDS = "cmake ctest"

inherit feed native

TOOLS_COMMANDS ?= ""
TOOLS_FOLDER = "usr/lib/${BPN}-tools"
TOOLS_TREE = "${D}/${TOOLS_FOLDER}"

do_install:append() {
    rm -rf ${WORKDIR}/tools-tree
    mv ${D} ${WORKDIR}/tools-tree
    mkdir -p ${D}/usr/lib ${D}/usr/bin
    mv ${WORKDIR}/tools-tree ${TOOLS_TREE}
    for command in ${TOOLS_COMMANDS}; do
        link_tool $command
    done
}

# The wrapper of each program follows the link, and finds all else from where it lies.
link_tool() {
    [ -e ${TOOLS_TREE}/usr/bin/$1 ] || bbfatal "the packages have no $1: name the package that has it in FEED_PACKAGES of ${PN}"
    ln -s ../../${TOOLS_FOLDER}/usr/bin/$1 ${D}/usr/bin/$1
}

# Puts a wrapper in the place of a script of the tree; its last lines are standard input, where $r is the root of the tree and $script
# what stands for the script, in a folder of its own so that its messages have its name.
wrap_script() {
    mkdir -p ${TOOLS_TREE}/usr/lib/wrapped-scripts
    mv ${TOOLS_TREE}/usr/bin/$1 ${TOOLS_TREE}/usr/lib/wrapped-scripts/$1
    {
        cat <<'TSBAKE_WRAPPER'
#!/bin/sh
case $0 in */*) s=$0 ;; *) s=$(command -v -- "$0") ;; esac
[ ! -L "$s" ] || s=$(readlink -f -- "$s")
r=$(cd -- "$(dirname -- "$s")/../.." && pwd)
script=$r/usr/lib/wrapped-scripts/$(basename -- "$s")
TSBAKE_WRAPPER
        cat
    } >${TOOLS_TREE}/usr/bin/$1
    chmod 0755 ${TOOLS_TREE}/usr/bin/$1
}
