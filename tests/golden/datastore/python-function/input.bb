python do_x() {
    d.setVar("A", "1")
}
python do_x:append() {
    d.setVar("B", "1")
}
