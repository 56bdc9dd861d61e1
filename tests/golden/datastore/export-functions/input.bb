inherit first
inherit second
do_own() {
    recipe
}
