def a(b,
      c):
    return b
