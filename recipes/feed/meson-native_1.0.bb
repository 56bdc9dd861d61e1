SUMMARY = "Configures projects with a meson.build"

inherit feed-tools

FEED_PACKAGES = "meson"
FEED_EXCLUDE = "usr/share/zoneinfo usr/lib/python3*/test usr/share/python3/runtime.d"
DEPENDS = "ninja-native"

# The tree's own Python finds its modules from where it lies, so nothing is in the environment of what Meson starts. Meson starts itself
# again from build.ninja, by its interpreter and its own path, if that ends in .py.
do_install:append() {
    wrap_script meson <<'TSBAKE_REST'
exec "$r/usr/bin/python3" "$script.py" "$@"
TSBAKE_REST
    mv ${TOOLS_TREE}/usr/lib/wrapped-scripts/meson ${TOOLS_TREE}/usr/lib/wrapped-scripts/meson.py
    link_tool meson
}
