first_do_x() {
    first
}
first_do_own() {
    first
}
python first_do_py() {
    first
}
first_do_both() {
    first
}
do_x[dirs] = "one"
do_x[fakeroot] = "1"
EXPORT_FUNCTIONS do_x do_own do_py do_both
