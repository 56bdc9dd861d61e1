A = "b
C = "d
  e
  f"
G = 'h"
I = "j
K = "l"
