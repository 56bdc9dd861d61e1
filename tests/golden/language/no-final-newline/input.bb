A = "b"
def c():
    return 1