FOO = bar
FOO = 1
FOO ?= ${BAR}
FOO =
FOO[x] = y
