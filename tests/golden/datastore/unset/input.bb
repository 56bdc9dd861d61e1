A = "1"
A:append = "2"
A[f] = "flag"
unset A
B = "1"
B[ff] = "flag"
B[gg] = "flag"
unset B[ff]
C = "1"
C:x = "2"
unset C
OVERRIDES = "x"
D ??= "weak"
unset D
E = "old"
unset E
E ?= "new"
