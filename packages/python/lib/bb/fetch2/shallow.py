"""The archive of a clone without history (BB_GIT_SHALLOW): its name says what is in it; packages/fetch/src/git/git-source.ts."""

from bb.fetch2.errors import FetchError


def names(ud, repository, d):
    """The name in DL_DIR; empty where the whole history is wanted."""
    depth = _depth(ud, d)
    excluded = _of(ud, d, "BB_GIT_SHALLOW_REVS")
    excluded = excluded.split() if excluded else []
    if d.getVar("BB_GIT_SHALLOW") != "1" or not depth and not excluded:
        return ""
    refs = (d.getVar("BB_GIT_SHALLOW_EXTRA_REFS") or "").split()
    refs += ["refs/tags/" + ud.parm["tag"]] if "tag" in ud.parm else []
    shown = [ref.replace("refs/heads/", "").replace("*", "ALL") for ref in refs]
    if ud.parm.get("nobranch") != "1" and ud.parm.get("usehead") != "1":
        shown.append(ud.parm["branch"])
    words = [ud.type + "shallow", repository]
    words += ["bare"] if ud.parm.get("bareclone") == "1" else []
    words += ["_".join(sorted(excluded))] if excluded else []
    words.append(ud.revision_of(d)[:7] + ("-%d" % depth if depth else ""))
    words += ["_".join(sorted(shown)).replace("/", ".")] if shown else []
    return "_".join(words) + ".tar.gz"


def _of(ud, d, variable):
    own = d.getVar("%s_%s" % (variable, ud.name))
    return d.getVar(variable) if own is None else own


def _depth(ud, d):
    for name in ("BB_GIT_SHALLOW_DEPTH", "BB_GIT_SHALLOW_DEPTH_" + ud.name):
        value = d.getVar(name)
        if value and not value.isdigit():
            raise FetchError("%s is '%s', and has to be a number of commits" % (name, value), ud.url)
    value = _of(ud, d, "BB_GIT_SHALLOW_DEPTH")
    return 1 if value is None else int(value or 0)
