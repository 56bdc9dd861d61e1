# A recipe: where its sources come from, how they are compiled, and what is installed.
SUMMARY = "Says hello"
LICENSE = "MIT"
# In the folder `hello` beside this file.
SRC_URI = "file://hello.c"

inherit package

do_compile() {
    ${CC} ${CFLAGS} ${LDFLAGS} -o hello ${S}/hello.c
}

do_install() {
    install -D -m 0755 hello ${D}${bindir}/hello
}
