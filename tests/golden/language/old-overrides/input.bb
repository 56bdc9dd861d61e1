A_append = "1"
A_prepend_arm = "2"
SRC_URI_remove := "3"
A_append ??= "a weak default is not looked at"
A_append[doc] = "nor is a flag"
do_install_append() {
}
python do_remover_removed() {
}
def x_append(d):
    pass
