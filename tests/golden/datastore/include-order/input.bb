A = "recipe"
include first.inc
require sub/second.inc
include nothing-here.inc
