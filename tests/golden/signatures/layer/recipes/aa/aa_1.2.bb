A = "1 ${@bb.utils.contains('FEATURES', 'one', 'yes', 'no', d)}"
A:append = " appended"
A:append:x86 = " x86"
LIST = "a b c d"
LIST:remove = "b"
do_prep() {
    tool ${A} "${LIST}" $(helpfn) ${EXPORTED}
}
do_prep[vardeps] += "EXTRA"
EXTRA = "x${@helper(d)}"
helpfn() {
    echo ${VIA} ${PF}
}
python do_gen() {
    x = d.getVar("A")
    y = bb.utils.filter("FEATURES", "two four", d)
    helper(d)
    bb.build.exec_func("helpfn", d)
}
do_gen[postfuncs] += "after_gen"
python after_gen() {
    d.getVarFlag("LIST", "doc")
}
LIST[doc] = "d"
do_prep[file-checksums] = "${FILESDIR}/one.txt:True ${FILESDIR}/sub:True ${FILESDIR}/none:False ${FILESDIR}/*.c:True"
addtask prep before do_gen
addtask gen after do_prep before do_build
