"""Calls of a datastore, and one file evaluated into a datastore that has only BBPATH."""

import bb
import bb.build
import bb.data
import bb.parse
import bb.siggen

from dump import variable_lines, without_folder

CALLS = {
    "set": lambda d, name, value: d.setVar(name, value),
    "assign": lambda d, name, value: d.setVar(name, value, parsing=True),
    "append": lambda d, name, value: d.appendVar(name, value),
    "prepend": lambda d, name, value: d.prependVar(name, value),
    "del": lambda d, name: d.delVar(name),
    "rename": lambda d, name, to: d.renameVar(name, to),
    "setFlag": lambda d, name, flag, value: d.setVarFlag(name, flag, value),
    "delFlag": lambda d, name, flag: d.delVarFlag(name, flag),
    "appendFlag": lambda d, name, flag, value: d.appendVarFlag(name, flag, value),
    "prependFlag": lambda d, name, flag, value: d.prependVarFlag(name, flag, value),
    "delFlags": lambda d, name: d.delVarFlags(name),
    "filter": lambda d, name, expression: d.setVarFilter(name, expression),
    "get": lambda d, name: d.getVar(name),
    "expandKeys": bb.data.expandKeys,
}


def calls(request, _folder):
    d = bb.data.init()
    stack = []
    for call, *values in request["calls"]:
        if call == "copy":
            stack.append(d)
            d = d.createCopy()
        elif call == "back":
            d = stack.pop()
        else:
            CALLS[call](d, *values)
    return {what: read(d, what) for what in request["read"]}


def read(d, what):
    first, *rest = what.split(" ")
    if what == "keys":
        return sorted(key for key in d.keys() if not key.startswith("__"))
    if what == "overrides":
        d.need_overrides()
        return d.overrides
    if first == "expand":
        return d.expand(what[len("expand ") :])
    if first == "flag":
        return d.getVarFlag(*rest)
    if what.startswith("raw flag "):
        return d.getVarFlag(rest[1], rest[2], expand=False)
    if first == "raw":
        return d.getVar(rest[0], False)
    if first == "flags":
        return d.getVarFlags(rest[0])
    if first == "variants":
        return d.hasOverrides(rest[0])
    return d.getVar(what)


HIDDEN = {"_task_deps", "FILE", "BBPATH", "BBINCLUDED", "TOPDIR"}


def file(_request, folder):
    """The whole datastore after input.bb, or `refused`."""
    d = bb.data.init()
    d.setVar("BBPATH", folder)
    d.setVar("__bbclasstype", "recipe")
    bb.parse.siggen = bb.siggen.init(d)
    try:
        stores = bb.parse.handle(f"{folder}/input.bb", d)
    except (
        bb.parse.ParseError,
        bb.BBHandledException,
        bb.data_smart.ExpansionError,
        ValueError,
        RecursionError,
    ):
        return "refused\n"
    d = stores[""]
    names = sorted(key for key in d.keys() if not key.startswith("__") and key not in HIDDEN)
    lines = [line for name in names for line in variable_lines(d, name)]
    lines.append("tasks: " + " ".join(d.getVar("_task_deps", False)["tasks"]))
    return without_folder("\n".join(lines) + "\n", folder)
