A = "1"
A:append:arm = "x"
export B ?= '2'
C[doc] ??= "d"
D:${PN}-dev := "e"
E +="f"
E=. "g"
F:remove .= "h"
export G
unset H
unset H[flag]
