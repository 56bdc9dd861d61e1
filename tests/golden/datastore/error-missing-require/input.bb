A = "1"
require nosuch.inc
