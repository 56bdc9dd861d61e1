DEPENDS = "${B}"
B = "${C}"
C = "x ${DEPENDS}"
