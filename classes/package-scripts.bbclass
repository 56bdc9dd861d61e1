# What classes add to maintainer scripts of packages (pkg_postinst and its like): systemd, useradd, update-alternatives.

# Puts text at the end of a script, or at its beginning; what a recipe has written itself stays. A script with a first line of its own may
# go on after an error: what is added ends with `|| exit 1` where it must not fail.
def add_to_package_script(d, package, script, text, at_beginning=False):
    name = 'pkg_%s:%s' % (script, package)
    own = (d.getVar(name, False) or '').lstrip('\n')
    first = ''
    if own.startswith('#!'):
        first, _, own = own.partition('\n')
        if first[2:].split()[0].split('/')[-1] not in ('sh', 'dash', 'bash'):
            bb.fatal('pkg_%s of package %s of %s is for %s, and a class adds lines of shell to it: write it for /bin/sh' % (script, package, d.getVar('PN'), first[2:].strip()))
    else:
        first = '#!/bin/sh\nset -e'
    # What another class has put there.
    if first == '#!/bin/sh' and own.startswith('set -e\n'):
        first, own = first + '\nset -e', own[len('set -e\n'):]
    parts = [text, own] if at_beginning else [own, text]
    d.setVar(name, '\n'.join([first] + [part.rstrip('\n') for part in parts if part.strip()]) + '\n')

# The packages that a variable names, each of which the recipe has to have.
def packages_named_by(d, variable):
    made = (d.getVar('PACKAGES') or '').split()
    named = (d.getVar(variable) or '').split()
    # A recipe of tools for this machine makes none.
    if not made:
        return []
    for package in named:
        if package not in made:
            bb.fatal('%s of %s has %s, which is none of its PACKAGES: %s' % (variable, d.getVar('PN'), package, ' '.join(made)))
    return named

# Of one package, or else of all.
def of_package(d, variable, package):
    value = d.getVar(variable + ':' + package)
    return (d.getVar(variable) if value is None else value) or ''
