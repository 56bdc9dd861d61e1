do_a() {
  one
}
python do_b () {
    pass
}
fakeroot python do_c() {
}
python() {
    x = {}
}
python __anonymous () {
    y = 1
}
fakeroot do_d:class-native(){
    }
  {
}
def e(f):
    return f

    # still e
# still e too

g = "1"
def h(i): return i
