#A = "b \
  c \
  d"
E = "f"
