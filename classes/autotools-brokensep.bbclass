# As autotools, for sources that can be built in their own folder only.

inherit autotools

B = "${S}"
