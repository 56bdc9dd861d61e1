PN = "x_append"
A${PN} = "v"
