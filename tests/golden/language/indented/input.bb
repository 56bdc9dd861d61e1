 A = "b"
	inherit c
A = "d" \
    e
