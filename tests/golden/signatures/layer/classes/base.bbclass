addtask build
do_build[noexec] = "1"
do_build() {
    :
}
def helper(d):
    return d.getVar("VIA") or ""
