do_build() {
    echo hi
	indented
    if true; then
        :
    fi

    # comment
    cat <<END
text
END
}
do_build[dirs] = "${B}"
do_build:append() {
    more
}
fakeroot do_install () {
  x
}
empty() {
}
do_x:class-native() {
  y
}
