def helper(d):
    return 1

# a comment
A = "1"
def second(x):
    if x:
        return 2
