OVERRIDES = "z"
PN = "t"
F:${PN}:z:z = "v"
G:${PN}:z = "w"
