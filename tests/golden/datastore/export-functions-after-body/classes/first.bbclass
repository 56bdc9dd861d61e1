first_do_x() {
    class
}
first_do_y() {
    class
}
EXPORT_FUNCTIONS do_x do_y
