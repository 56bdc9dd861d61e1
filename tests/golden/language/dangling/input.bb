A = "b"
C = "d \
