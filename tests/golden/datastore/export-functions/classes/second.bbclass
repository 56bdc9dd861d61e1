second_do_both() {
    second
}
python second_do_x() {
    second
}
EXPORT_FUNCTIONS do_both do_x
