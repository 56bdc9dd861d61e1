BB_RECIPE_VIRTUAL_PROVIDERS = "virtual/cc"
PREFERRED_PROVIDER_virtual/cc = "gcc"
DEPENDS = "virtual/cc zlib virtual/other"
do_x[depends] = "virtual/cc:do_y zlib:do_z"
addtask x
