"""Other places for a URL, by the rules of PREMIRRORS and MIRRORS; as packages/base/src/mirror.ts in the engine."""
import os
import re

WORDS = re.compile("MIRRORNAME|BASENAME|TYPE|HOST|PATH")


def split(url):
    """(type, host, path, user, password, parameters); nothing is decoded, since it may be a pattern. None without `type://`."""
    shape = re.fullmatch(r"([^:/;]*)://(?:([^/;@]+)@)?([^;]*)(?:;(.*))?", url, re.DOTALL)
    if not shape:
        return None
    kind, login, place, tail = shape.group(1), shape.group(2) or "", shape.group(3), shape.group(4) or ""
    if kind == "file":
        # Neither host nor user: what stands in their place is the start of the path.
        place, login = (login + "@" + place if login else place), ""
        host, path = "", place
    else:
        host, slash, path = place.partition("/")
        path = slash + path
    user, _, password = login.partition(":")
    pairs = (word.partition("=") for word in tail.split(";") if word)
    return kind, host, path, user, password, {name: value for name, _, value in pairs}


def join(kind, host, path, user, password, parameters):
    login = user + (":" + password if password else "") + "@" if user else ""
    slash = "/" if host and path and not path.startswith("/") else ""
    return kind + "://" + login + host + slash + path + "".join(";%s=%s" % pair for pair in parameters.items())


def apply(url, find, replace):
    """Where `url` is on the mirror of one rule; None when the rule is not about it."""
    source, pattern, target = split(url), split(find), split(replace)
    if not source or not pattern or not target:
        return None
    kind, host, path, user, password, parameters = source
    basename = os.path.basename(path)
    known = {
        "TYPE": kind, "HOST": host, "BASENAME": basename, "PATH": path if kind == "file" else path.lstrip("/"),
        "MIRRORNAME": host.replace(":", ".") + path.replace("/", ".").replace("*", "."),
    }

    def fill(text):
        return WORDS.sub(lambda word: known[word.group()], text)

    def part(expression, value, replacement):
        found = re.match(expression, value)
        if not found:
            return None
        if not replacement:
            return ""
        groups = re.sub(r"\\(\d)", lambda one: found.group(int(one.group(1))) or "", replacement)
        return groups + value[found.end():]

    new = [part(pattern[0] + "$", kind, fill(target[0]))]
    new += [part(pattern[at], source[at], fill(target[at])) for at in (1, 2)]
    if None in new or any(parameters.get(name) != value for name, value in pattern[5].items()):
        return None
    if not new[2].endswith(basename):
        new[2] = os.path.join(new[2], basename)
    filled = {name: fill(value) for name, value in target[5].items()}
    found = join(*new, target[3] or user, target[4] or password, {**parameters, **filled})
    return None if found == url else found


def candidates(url, rules):
    """All places in the order of the rules, those of places too; no rule is used twice on the way to one."""
    found = []

    def visit(start, left):
        for rule in left:
            place = apply(start, *rule)
            if place and place != url and place not in found:
                found.append(place)
                visit(place, [one for one in left if one is not rule])

    visit(url, list(rules))
    return found
