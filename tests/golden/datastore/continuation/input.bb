A = "one \
    two\
three"
B = "trailing blanks after the backslash \   
more"
C = "\
  a \
  b \
"
# a comment \
# that goes on
D = "d"
