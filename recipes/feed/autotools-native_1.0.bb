SUMMARY = "Writes configure scripts: Autoconf, Automake, Libtool and m4"

inherit feed-tools

FEED_PACKAGES = "autoconf automake libtool m4"
PROVIDES = "autoconf-native automake-native libtool-native m4-native"

# libtool depends on a compiler and a C library, which are recipes of their own.
FEED_EXCLUDE = " \
    usr/lib/gcc usr/libexec/gcc usr/include usr/lib/bfd-plugins usr/lib/*/bfd-plugins usr/lib/*/*.a usr/lib/*/*.o usr/lib/*/gconv \
    usr/lib/*/libbfd* usr/lib/*/libopcodes* usr/lib/*/libcc1* usr/lib/*/lib*san.so* usr/lib/*/libgprofng* usr/lib/*/gprofng \
    usr/bin/*-linux-gnu-* usr/bin/dpkg* usr/sbin usr/lib/dpkg usr/share/dpkg usr/share/zoneinfo etc var \
"

TOOLS_COMMANDS = "m4"
AUTOTOOLS_SCRIPTS = "autoconf autoheader autom4te autoreconf autoscan autoupdate ifnames libtoolize"

# Each of them looks for the others, its modules and its macros below /usr, unless it is told other places: by variables, by options, and
# where there is neither in its text.
do_install:append() {
    share=${TOOLS_TREE}/usr/share
    sed -i "s|--prepend-include '/usr/share/autoconf'||" $share/autoconf/autom4te.cfg
    sed -i -E 's|^( +(prefix\|datadir\|pkgauxdir\|pkgltdldir\|aclocaldir)=")/usr|\1$TSBAKE_TOOLS_ROOT/usr|' ${TOOLS_TREE}/usr/bin/libtoolize
    modules=""
    for folder in $share/autoconf $share/automake-* $share/perl5 ${TOOLS_TREE}/usr/lib/*/perl5/* ${TOOLS_TREE}/usr/lib/*/perl/* $share/perl/* \
        ${TOOLS_TREE}/usr/lib/*/perl-base; do
        [ ! -d $folder ] || [ -L $folder ] || modules="$modules -I \"\$r$(echo $folder | sed 's|^${TOOLS_TREE}||')\""
    done
    version=""
    for script in ${AUTOTOOLS_SCRIPTS} $(cd ${TOOLS_TREE}/usr/bin && ls -d automake-* aclocal-*); do
        [ -e ${TOOLS_TREE}/usr/bin/$script ] || bbfatal "the packages have no $script"
        run="exec \"\$r/usr/bin/perl\" $modules \"\$script\""
        case $script in
            autoconf | libtoolize) run='exec sh "$script"' ;;
            autom4te) run="$run --prepend-include=\"\$r/usr/share/autoconf\"" ;;
            aclocal-*) run="$run --system-acdir=\"\$r/usr/share/aclocal\"" ;;
            automake-*) version=$(echo $script | sed 's|^automake-||') ;;
        esac
        wrap_script $script <<TSBAKE_REST
export TSBAKE_TOOLS_ROOT="\$r" M4="\$r/usr/bin/m4" autom4te_perllibdir="\$r/usr/share/autoconf" AC_MACRODIR="\$r/usr/share/autoconf"
export AUTOM4TE="\$r/usr/bin/autom4te" AUTOM4TE_CFG="\$r/usr/share/autoconf/autom4te.cfg" trailer_m4="\$r/usr/share/autoconf/autoconf/trailer.m4"
export AUTOCONF="\$r/usr/bin/autoconf" AUTOHEADER="\$r/usr/bin/autoheader" AUTOMAKE_UNINSTALLED=1
export AUTOMAKE_LIBDIR="\$r/usr/share/automake-TSBAKE_VERSION" ACLOCAL_AUTOMAKE_DIR="\$r/usr/share/aclocal-TSBAKE_VERSION"
$run "\$@"
TSBAKE_REST
        link_tool $script
    done
    [ -n "$version" ] || bbfatal "the packages have no automake"
    sed -i "s|TSBAKE_VERSION|$version|g" $(grep -l TSBAKE_VERSION ${TOOLS_TREE}/usr/bin/*)
    for command in automake aclocal; do
        ln -sf $command-$version ${TOOLS_TREE}/usr/bin/$command
        link_tool $command
    done
}
