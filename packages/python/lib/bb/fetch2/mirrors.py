"""
Other places for a URL, by the rules of PREMIRRORS and MIRRORS; the engine's own are in packages/base/src/http/mirror.ts.
tests/golden/fetch/mirrors.txt holds both to what BitBake does.
"""

import os
import re
import urllib.parse

import bb
import bb.utils
from bb.fetch2.errors import BBFetchException, MalformedUrl
from bb.fetch2.uri import encodeurl

_SHAPE = re.compile(
    r"(?P<type>[^:]*)://(?:(?P<login>[^/;]+)@)?(?P<place>[^;]+)(?:;(?P<parameters>.*))?", re.DOTALL
)
_GROUPS = re.compile(r"\\(?:g<(\w+)>|(\d{1,2})|\\)")


def mirror_from_string(data):
    """Pairs of a mirror variable."""
    words = (data or "").replace("\\n", " ").split()
    if len(words) % 2:
        bb.warn("a mirror variable has an odd number of words: %s" % data)
    return list(zip(words[::2], words[1::2]))


def decodemirrorurl(url):
    """(type, host, path, user, password, parameters) of a URL or of half a rule, where each may be a pattern."""
    shape = _SHAPE.match(url)
    if not shape:
        raise MalformedUrl(url)
    kind, login, place = shape.group("type"), shape.group("login") or "", shape.group("place")
    if kind.lower() == "file":
        # Neither host nor user: what stands in their place is the start of the path.
        host, path, login = "", (login + "@" + place if login else place), ""
    else:
        host, slash, path = place.partition("/")
        path = slash + path or "/"
    user, _, password = login.partition(":")
    parameters = {}
    for word in (shape.group("parameters") or "").split(";"):
        name, equals, value = word.partition("=")
        if name and not equals:
            raise MalformedUrl(url, "The URL '%s' has a parameter without a value: %s" % (url, name))
        if word:
            parameters[name] = value
    return kind, host, urllib.parse.unquote(path), user, password, parameters


def _filled(text, words, safe=False):
    for word, value in words.items():
        text = text.replace(word, value.replace("\\", "\\\\") if safe else value)
    return text


def _part(expression, value, replacement, words):
    """The new part; None when the pattern is not about it."""
    found = re.match(expression, value)
    if not found:
        return None
    if not replacement:
        return ""

    def group(reference):
        name = reference.group(1) or reference.group(2)
        if name is None:
            return "\\"
        return found.group(int(name) if name.isdigit() else name) or ""

    return _GROUPS.sub(group, _filled(replacement, words, safe=True)) + value[found.end() :]


def uri_replace(ud, find, replace, replacements, d, mirrortarball=None):
    """Where the source `ud` is on the mirror of one rule; None when the rule is not about it."""
    if not ud.url or not find or not replace:
        return None
    kind, host, path, user, password, parameters = decodemirrorurl(ud.url)
    pattern, target = decodemirrorurl(find), decodemirrorurl(replace)
    new_kind = _part(pattern[0].removesuffix("$") + "$", kind, target[0], replacements)
    new_host = _part(pattern[1], host, target[1], replacements)
    new_path = _part(pattern[2], path, target[2], replacements)
    # Who logs in at the mirror is never who logs in at the recipe's place.
    login = [
        target[at] or ("" if re.match(pattern[at], value) else None)
        for at, value in ((3, user), (4, password))
    ]
    if None in (new_kind, new_host, new_path, *login):
        return None
    is_tarball = bool(mirrortarball) and kind != target[0]
    if is_tarball:
        parameters, wanted = {}, {}
    else:
        wanted = pattern[5]
    if any(parameters.get(name) != value for name, value in wanted.items()):
        return None
    new_path = _named(new_path, os.path.basename(path), _basename(ud, mirrortarball if is_tarball else None))
    filled = {name: _filled(value, replacements) for name, value in target[5].items()}
    found = encodeurl((new_kind, new_host, new_path, *login, {**parameters, **filled}))
    return None if found == ud.url else found


def _basename(ud, tarball):
    if tarball:
        return os.path.basename(tarball)
    return os.path.basename(ud.localpath) if ud.localpath and ud.method.supports_checksum(ud) else ""


def _named(path, before, name):
    """`path` with the name that the file has on a mirror."""
    if not name:
        return path
    if before and name != before and ("/" + path).endswith("/" + before):
        return path[: -len(before)] + name
    return path if ("/" + path).endswith("/" + name) else os.path.join(path, name)


def build_mirroruris(origud, mirrors, ld):
    """
    All places of a source, as texts and as FetchData, in the order in which they are asked: what a rule gives goes through
    the other rules at once, and no rule is used twice on the way to a place.
    """
    from bb.fetch2 import FetchData, trusted_network

    words = {
        "TYPE": origud.type,
        "HOST": origud.host,
        "PATH": origud.path,
        "BASENAME": origud.path.rpartition("/")[2],
        "MIRRORNAME": origud.host.replace(":", ".") + origud.path.replace("/", ".").replace("*", "."),
    }
    uris, uds = [], []

    def visit(ud, rules):
        for at, rule in enumerate(rules):
            for tarball in origud.mirrortarballs or [None]:
                place = uri_replace(ud, *rule, words, ld, tarball)
                if not place or place == origud.url or place in uris:
                    continue
                try:
                    if not trusted_network(ld, place):
                        continue
                    found = FetchData(place, ld)
                    found.setup_localpath(ld)
                except BBFetchException as problem:
                    bb.debug(1, "%s is no place for %s: %s" % (place, origud.url, problem))
                    continue
                found.ignore_checksums = True
                uris.append(place)
                uds.append(found)
                visit(found, rules[:at] + rules[at + 1 :])

    visit(origud, list(mirrors))
    return uris, uds
