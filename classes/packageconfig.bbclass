# What the options of a recipe mean. base.bbclass inherits it where a recipe has any; the form is OE-core's.
#
#   PACKAGECONFIG ??= "tls"
#   PACKAGECONFIG[tls] = "--with-tls,--without-tls,gnutls,ca-certificates,,plain"
#
# Behind `=`, all of them optional: options of configure when the word is in PACKAGECONFIG, options when it is not, then, when it
# is: DEPENDS, RDEPENDS of ${PN}, RRECOMMENDS of ${PN}, and words that cannot be in PACKAGECONFIG beside it.

CHECKED_VARIABLES += "PACKAGECONFIG"

python () {
    pn = d.getVar('PN')
    options = d.getVarFlags('PACKAGECONFIG') or {}
    chosen = (d.getVar('PACKAGECONFIG') or '').split()
    variables = ('DEPENDS', 'RDEPENDS:' + pn, 'RRECOMMENDS:' + pn)
    arguments, wanted = [], {variable: [] for variable in variables}
    for option in sorted(options):
        fields = [field.strip() for field in options[option].split(',')]
        if len(fields) > 6:
            bb.fatal('PACKAGECONFIG[%s] of %s has %d parts: it has six at most, with commas between: options with it, options without it, '
                'DEPENDS, RDEPENDS, RRECOMMENDS, words that conflict' % (option, pn, len(fields)))
        fields += [''] * (6 - len(fields))
        if option not in chosen:
            arguments.append(fields[1])
            continue
        arguments.append(fields[0])
        for variable, words in zip(variables, fields[2:5]):
            wanted[variable].append(words)
        others = d.expand(fields[5]).split()
        unknown = [other for other in others if other not in options]
        if unknown:
            bb.fatal('PACKAGECONFIG[%s] of %s conflicts with `%s`, and there is no PACKAGECONFIG[%s]: the words are %s'
                % (option, pn, unknown[0], unknown[0], ', '.join(sorted(options))))
        clash = [other for other in others if other in chosen]
        if clash:
            bb.fatal('PACKAGECONFIG of %s has `%s` and `%s`, which conflict: keep one of them' % (pn, option, clash[0]))
    for variable, words in wanted.items():
        if any(words):
            d.appendVar(variable, ' ' + ' '.join(filter(None, words)))
    if any(arguments):
        d.appendVar('PACKAGECONFIG_CONFARGS', ' ' + ' '.join(filter(None, arguments)))
    # The words that CHECKED_VARIABLES compares with; a recipe without options has none.
    if options:
        d.setVarFlag('PACKAGECONFIG', 'choices', ' '.join(sorted(options)))
    else:
        d.setVarFlag('PACKAGECONFIG', 'patterns', '(?!)')
        d.setVarFlag('PACKAGECONFIG', 'form', 'empty: the recipe has no options, which are lines such as PACKAGECONFIG[word] = "--enable-it,--disable-it"')
}
