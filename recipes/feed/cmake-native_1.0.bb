SUMMARY = "Configures and builds projects with a CMakeLists.txt"

inherit feed-tools

FEED_PACKAGES = "cmake"
# Debian keeps Emacs' mode and modules for users of other languages in it, too.
FEED_EXCLUDE = "usr/share/emacs usr/share/vim usr/share/cmake-*/Help"
# It finds its modules from where its own file lies.
TOOLS_COMMANDS = "cmake ctest cpack"
