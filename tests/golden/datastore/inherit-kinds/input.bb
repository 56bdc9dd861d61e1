inherit x
inherit y
