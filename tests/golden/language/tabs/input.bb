python do_a() {
	if x:
		pass
    y
}
def b():
  	return
do_c() {
	fine
}
