A = "b \
# not allowed \
# nor this
c \
"
D = "e"
