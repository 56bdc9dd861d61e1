# One name for what several packages have: the one with the highest priority is what the name leads to. The variables are OE-core's.
#
#   inherit update-alternatives
#   ALTERNATIVE:${PN} = "editor"
#   ALTERNATIVE_LINK_NAME[editor] = "${bindir}/editor"
#   ALTERNATIVE_TARGET[editor] = "${bindir}/vi"
#   ALTERNATIVE_PRIORITY = "100"

inherit package-scripts

# Names, for each package: ALTERNATIVE:package. The other variables are of all names, or have flags with the names.
ALTERNATIVE ?= ""
ALTERNATIVE_PRIORITY ?= "10"
# `link:target` words: files that are installed where the link will be.
ALTERNATIVE_RENAMES = ""
# `link:target` words: all.
ALTERNATIVE_LINKS = ""

python () {
    import re
    import shlex
    pn = d.getVar('PN')
    renames, links = {}, []
    for package in (d.getVar('PACKAGES') or '').split():
        for name in (d.getVar('ALTERNATIVE:' + package) or '').split():
            def of(variable):
                for one in (variable + '_' + package, variable):
                    value = d.getVarFlag(one, name) or d.getVar(one)
                    if value:
                        return d.expand(value).strip()
                return None
            # Of all names there can be no one link.
            link = d.getVarFlag('ALTERNATIVE_LINK_NAME', name) or '${bindir}/' + name
            link = d.expand(link).strip()
            target = of('ALTERNATIVE_TARGET') or link
            priority = of('ALTERNATIVE_PRIORITY')
            if not link.startswith('/'):
                bb.fatal('ALTERNATIVE_LINK_NAME[%s] of %s is `%s`: it is an absolute path' % (name, pn, link))
            if not target.startswith('/'):
                target = link.rpartition('/')[0] + '/' + target
            if not re.fullmatch('-?[0-9]+', priority):
                bb.fatal('ALTERNATIVE_PRIORITY of %s of %s is `%s`: it is a number' % (name, pn, priority))
            if target == link:
                target = link + '.' + d.getVar('BPN')
                renames[link] = target
            links.append(link + ':' + target)
            d.appendVar('FILES:' + package, ' ' + target)
            words = ' '.join(shlex.quote(word) for word in (link, name, target, priority))
            add_to_package_script(d, package, 'postinst', 'update-alternatives --install %s || exit 1\n' % words)
            # The first word is dpkg's and opkg's, or rpm's number of versions that stay.
            gone = 'case $1 in\nupgrade | failed-upgrade | 1) ;;\n*) update-alternatives --remove %s %s ;;\nesac\n'
            add_to_package_script(d, package, 'prerm', gone % (shlex.quote(name), shlex.quote(target)))
    d.setVar('ALTERNATIVE_RENAMES', ' '.join('%s:%s' % pair for pair in sorted(renames.items())))
    d.setVar('ALTERNATIVE_LINKS', ' '.join(sorted(set(links))))
}

# A package that brings a file where the link will be, and the link itself, would take turns with others.
do_install[postfuncs] += "update_alternatives_files"
update_alternatives_files() {
    for pair in ${ALTERNATIVE_RENAMES}; do
        from=${D}$(echo $pair | cut -d: -f1)
        # A task that was interrupted here has renamed it already.
        if [ -e $from ] || [ -L $from ]; then
            mv $from ${D}$(echo $pair | cut -d: -f2)
        fi
    done
    for pair in ${ALTERNATIVE_LINKS}; do
        link=$(echo $pair | cut -d: -f1)
        target=$(echo $pair | cut -d: -f2)
        if [ ! -e ${D}$target ] && [ ! -L ${D}$target ]; then
            bbfatal "ALTERNATIVE of ${PN}: do_install has made no $target for $link: set ALTERNATIVE_TARGET to a file of the package"
        elif [ -e ${D}$link ] || [ -L ${D}$link ]; then
            bbfatal "ALTERNATIVE of ${PN}: do_install has made $link, which is to be a link to $target: do not install it"
        fi
    done
}
