fakeroot python f() {
    first
}
f() {
    second
}
f[doc] = "kept"
python f () {
    third
}
