A = "b"
do_c() {
    d
}
E = "f \
g"
