# Users and groups that packages of a recipe need on the device. The variables are OE-core's.
#
#   inherit useradd
#   USERADD_PACKAGES = "${PN}"
#   USERADD_PARAM:${PN} = "--system --no-create-home --shell /usr/sbin/nologin gardener"

inherit package-scripts

USERADD_PACKAGES ?= ""
# Words of useradd, groupadd and groupmems with the name last; `;` between several. Also NAME:package.
USERADD_PARAM ?= ""
GROUPADD_PARAM ?= ""
GROUPMEMS_PARAM ?= ""

python () {
    import shlex
    if (d.getVar('PACKAGES') or '').split() and not d.getVar('USERADD_PACKAGES').split():
        bb.fatal('%s inherits useradd, and USERADD_PACKAGES is empty: set it to the packages that need users, such as "${PN}"' % d.getVar('PN'))

    def commands_of(variable, package):
        for text in of_package(d, variable, package).split(';'):
            try:
                words = shlex.split(text)
            except ValueError as error:
                bb.fatal('%s of package %s of %s: `%s`: %s' % (variable, package, d.getVar('PN'), text.strip(), error))
            if words:
                yield text.strip(), words

    for package in packages_named_by(d, 'USERADD_PACKAGES'):
        lines = []
        for variable, program, kind in (('GROUPADD_PARAM', 'groupadd', 'group'), ('USERADD_PARAM', 'useradd', 'passwd')):
            for text, words in commands_of(variable, package):
                if words[-1].startswith('-'):
                    bb.fatal('%s of package %s of %s: `%s` does not end in a name' % (variable, package, d.getVar('PN'), text))
                lines.append('getent %s %s >/dev/null || %s || exit 1' % (kind, shlex.quote(words[-1]), shlex.join([program] + words)))
        for text, words in commands_of('GROUPMEMS_PARAM', package):
            import getopt
            try:
                options = dict(getopt.getopt(words, 'a:g:', ['add=', 'group='])[0])
                user, group = options.get('-a') or options['--add'], options.get('-g') or options['--group']
            except (getopt.GetoptError, KeyError):
                bb.fatal('GROUPMEMS_PARAM of package %s of %s: `%s` is not `--add USER --group GROUP`' % (package, d.getVar('PN'), text))
            lines.append('id -nG %s | grep -qwF -e %s || usermod --append --groups %s %s || exit 1' % tuple(shlex.quote(word) for word in (user, group, group, user)))
        if not lines:
            bb.fatal('%s is in USERADD_PACKAGES of %s, and has neither USERADD_PARAM, GROUPADD_PARAM nor GROUPMEMS_PARAM: set USERADD_PARAM:%s' % (package, d.getVar('PN'), package))
        # Before what the recipe's own script does with the users, and before their units are started.
        add_to_package_script(d, package, 'postinst', '\n'.join(lines) + '\n', at_beginning=True)
        d.appendVar('RDEPENDS:' + package, ' passwd')
}
