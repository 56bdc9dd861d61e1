do_x() {
    recipe
}
inherit first
do_y() {
    recipe
}
