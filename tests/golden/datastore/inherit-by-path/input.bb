inherit classes/sub/deep.bbclass
inherit sub/other
