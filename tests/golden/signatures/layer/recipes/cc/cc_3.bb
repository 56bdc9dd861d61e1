def late(d, name):
    if d.getVarFlag("FLAGGED", "f"):
        return d.getVar("KNOWN") + d.getVar(name)
    return d.expand("${OTHER}")
FLAGGED[f] = "${KNOWN}"
KNOWN = "k"
OTHER = "o"
python do_made() {
    bb.plain(late(d, "A"))
    if bb.utils.contains_any("FEATURES", "three nine", True, False, d):
        pass
}
do_made[prefuncs] = "before_made"
before_made() {
    eval "known ${KNOWN}"
    cat <<EOF
unseen
EOF
}
unseen() {
    :
}
addtask made before do_build
PROVIDES = "virtual/cc cc"
