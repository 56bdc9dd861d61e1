A = "b"
do_c() {
    echo
    }
D = "e"
