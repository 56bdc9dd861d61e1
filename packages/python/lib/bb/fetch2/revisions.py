"""
Which commit a git source has: the recipe's (SRCREV), or, where that is a branch, a tag or AUTOREV, the one that the server
says. Its answers are kept in PERSISTENT_DIR: for the command that asked (BB_SRCREV_POLICY = "clear"), or for good ("cache").
"""

import json
import os
import re
import urllib.parse

import bb
import bb.process
import bb.utils
from bb.fetch2.errors import FetchError
from tsbake import backend

COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_FILE = "head-revisions.json"
_known = {}
# Processes of tasks use what the engine has asked for.
_is_fresh = None


def get_autorev(d):
    if d.getVar("BB_SRCREV_POLICY") != "cache":
        d.setVar("BB_DONT_CACHE", "1")
    d.setVar("__BBAUTOREV_SEEN", True)
    return "AUTOINC"


def specified(ud, d):
    """What the recipe says: SRCREV_name and SRCREV, with an override for the recipe first; the entry's `rev` or `tag`."""
    recipe, name = d.getVar("PN"), ud.name
    tried = ["SRCREV_" + name, "SRCREV"]
    if recipe:
        tried = [one for plain in tried for one in (plain + ":pn-" + recipe, plain)]
    values = (d.getVar(one) for one in tried)
    found = next((value for value in values if value and value != "INVALID"), None)
    own = ud.parm.get("rev")
    if own and found and own != found:
        raise FetchError("SRCREV says '%s' and the entry `rev=%s`" % (found, own), ud.url)
    found = own or found or ud.parm.get("tag")
    if not found:
        raise FetchError(
            "no revision: one of %s has to be set, or `rev=` in the entry" % ", ".join(tried), ud.url
        )
    return found


def revision(ud, d):
    """The commit of one source. Raises FetchError, NetworkAccess, UntrustedUrl."""
    found = specified(ud, d)
    if COMMIT.fullmatch(found):
        return found
    if found == "AUTOINC":
        d.setVar("__BBAUTOREV_ACTED_UPON", True)
        found = "HEAD" if ud.parm.get("usehead") == "1" else ud.parm.get("branch") or ""
    if d.getVar("BB_SRCREV_POLICY") != "cache":
        # What a server says may be another thing tomorrow.
        d.setVar("BB_DONT_CACHE", "1")
    key = "git:%s%s %s" % (ud.host, re.sub("/+", ".", ud.path), found)
    heads = _heads(d)
    if key not in heads:
        heads[key] = _ask(ud, d, found)
        _keep(d)
    return heads[key]


def _heads(d):
    global _is_fresh
    if _is_fresh is None:
        policy = d.getVar("BB_SRCREV_POLICY") or "clear"
        if policy not in ("cache", "clear"):
            raise FetchError("BB_SRCREV_POLICY is '%s'; it may be 'cache' or 'clear'" % policy)
        if policy == "cache" or backend.current.is_task:
            _known.update(_kept(d))
        _is_fresh = True
    return _known


def _place(d):
    return os.path.join(d.getVar("PERSISTENT_DIR") or d.getVar("CACHE") or d.getVar("DL_DIR"), _FILE)


def _kept(d):
    try:
        with open(_place(d), encoding="utf-8") as file:
            found = json.load(file)
        return {key: commit for key, commit in found.items() if COMMIT.fullmatch(commit)}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as problem:
        bb.warn("%s cannot be read and is not used: %s" % (_place(d), problem))
        return {}


def _keep(d):
    bb.utils.mkdirhier(os.path.dirname(_place(d)))
    temporary = "%s.%d" % (_place(d), os.getpid())
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump(_known, file, indent=1, sort_keys=True)
    os.rename(temporary, _place(d))


def repository(ud):
    """What git is called with."""
    protocol = ud.parm.get("protocol") or ("git" if ud.host else "file")
    login = ud.user + "@" if ud.user else ""
    return "%s://%s%s%s" % (protocol, login, ud.host, urllib.parse.quote(ud.path))


def heads_at(ud, d):
    """Commit by name, of all branches and tags that the server has."""
    from bb.fetch2 import check_network_access, get_fetcher_environment

    url = repository(ud)
    command = ["git", "-c", "safe.bareRepository=all", "ls-remote", "--", url]
    if not url.startswith("file://"):
        check_network_access(d, " ".join(command), ud.url)
    # HOME and PATH may hold the version, which is what is being asked for.
    asked = d.createCopy()
    asked.setVar("PV", "0")
    asked.setVar("PR", "0")
    own = {
        name: value for name, value in get_fetcher_environment(asked).items() if name not in ("HOME", "PATH")
    }
    environment = {**os.environ, **own, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}
    try:
        output, _ = bb.process.run(command, env=environment)
    except bb.process.CmdError as problem:
        raise FetchError("its branches and tags cannot be asked for: %s" % problem, ud.url) from problem
    return {ref: commit for commit, _, ref in (line.partition("\t") for line in output.splitlines())}


def _ask(ud, d, wanted):
    """The commit that a branch or a tag has at the server."""
    there = heads_at(ud, d)
    if wanted == "HEAD" or wanted.startswith("refs/"):
        names = [wanted + "^{}", wanted]
    else:
        names = ["refs/heads/" + wanted, "refs/tags/%s^{}" % wanted, "refs/tags/" + wanted]
    found = next((there[name] for name in names if name in there), None)
    if not found:
        raise FetchError("%s has neither a branch nor a tag `%s`" % (repository(ud), wanted), ud.url)
    return found


def sources(d):
    """Each source of SRC_URI that has a revision, with it."""
    from bb.fetch2 import Fetch

    if d.getVar("__BBINSRCREV"):
        raise FetchError("SRC_URI needs the revisions that are read from it")
    d.setVar("__BBSRCREV_SEEN", "1")
    d.setVar("__BBINSRCREV", "1")
    try:
        found = [one for one in Fetch([], d).expanded_urldata() if one.method.supports_srcrev()]
        return [(one, one.revision_of(d)) for one in found]
    finally:
        d.delVar("__BBINSRCREV")


def version(d):
    """
    The revision for a version: the source's own, or, of several sources, SRCREV_FORMAT with each name replaced by the
    revision of that source. Empty when there is none.
    """
    found = sources(d)
    if len(found) < 2:
        text = "".join(commit[:10] for _, commit in found)
    else:
        text = d.getVar("SRCREV_FORMAT") or ""
        if not text:
            raise FetchError(
                "SRC_URI has several sources with a revision (%s): SRCREV_FORMAT has to say how their names "
                "make up the version" % ", ".join(one.name for one, _ in found)
            )
        short = {one.name: commit[:10] for one, commit in found}
        # A longer name first: another may be its beginning.
        names = "|".join(re.escape(name) for name in sorted(short, key=len, reverse=True))
        text = re.sub(names, lambda match: short[match.group(0)], text)
    return "AUTOINC+" + text if text else ""
