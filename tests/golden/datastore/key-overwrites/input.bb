PN = "tool"
FILES:${PN} = "from the reference"
FILES:tool = "literal"
