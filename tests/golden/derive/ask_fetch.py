"""How the fetcher reads an entry of SRC_URI, and where mirror rules lead from it."""

import json
import os

import bb
import bb.data
import bb.fetch2

COMMIT = "0123456789" * 4


def url(request, folder):
    """What decodeurl makes of the text, and encodeurl of that."""
    try:
        decoded = bb.fetch2.decodeurl(request["text"])
    except Exception:
        return "--> refused"
    shown = [*decoded[:5], dict(decoded[5])]
    try:
        encoded = bb.fetch2.encodeurl(decoded)
    except Exception:
        encoded = "refused"
    return "\n".join(f"--> {line}" for line in (json.dumps(shown, ensure_ascii=False), encoded))


def mirrors(request, folder):
    """The places of the first line by the rules of the others, in their order."""
    first, *rules = request["text"].split("\n")
    d = bb.data.init()
    d.setVar("DL_DIR", "/dl")
    d.setVar("FILESPATH", folder)
    d.setVar("SRCREV", COMMIT)
    for line in [line for line in rules if " = " in line]:
        name, _, value = line.partition(" = ")
        d.setVar(name, value)
    rules = " ".join(line for line in rules if " = " not in line)
    try:
        ud = bb.fetch2.FetchData(first, d)
        ud.setup_localpath(d)
        found, _ = bb.fetch2.build_mirroruris(ud, bb.fetch2.mirror_from_string(rules), d)
    except Exception:
        return "--> refused"
    return "\n".join(f"--> {place.replace(os.path.basename(folder), 'FOLDER')}" for place in found) or "-->"
