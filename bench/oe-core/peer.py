#!/usr/bin/env python3
"""What a checkout of BitBake makes of the build folder that it is started in.

usage: peer.py BITBAKE OUT [--values RECIPES]

Writes JSON lines to OUT: one for each recipe variant with the facts that `facts.mjs` compares, one for each skipped
variant, and, for the variants that the file RECIPES lists (one a line, as `virtual:native:/path` or `/path`), one with
every variable's value and flags. BitBake is used in this process, without its server.
"""

import json
import os
import re
import sys

checkout, out = sys.argv[1], sys.argv[2]
sys.path.insert(0, os.path.join(checkout, "lib"))
import bb  # noqa: E402
import bb.cache  # noqa: E402
import bb.cooker  # noqa: E402
import bb.cookerdata  # noqa: E402
import bb.server.process  # noqa: E402


def open_cooker():
    bb.utils.check_system_locale()
    environment = dict(os.environ)
    bb.utils.clean_environment()
    cooker = bb.cooker.BBCooker()
    cooker.configuration.profile = []
    cooker.configuration.env = environment
    # No servers of any kind: only metadata is of interest.
    cooker.handlePRServ = lambda: None
    cooker.init_configdata()
    while cooker.updateCache():
        pass
    return cooker


def by_package(packages, table):
    return {name: sorted(set(table[name])) for name in packages if table.get(name)}


def facts(cache, fn, packages):
    pe, pv, pr = cache.pkg_pepvpr[fn]
    tasks = cache.task_deps[fn]
    flags = {}
    for flag in ("depends", "rdepends", "deptask", "rdeptask", "recrdeptask", "recideptask"):
        for task, value in tasks.get(flag, {}).items():
            if value.strip():
                flags.setdefault(flag, {})[task] = " ".join(value.split())
    for flag in ("nostamp", "noexec"):
        for task, value in tasks.get(flag, {}).items():
            if value:
                flags.setdefault(flag, {})[task] = "1"
    return {
        "kind": "recipe",
        "id": fn,
        "pn": cache.pkg_fn[fn],
        "pe": pe,
        "pv": pv,
        "pr": pr,
        "provides": sorted(set(cache.fn_provides[fn])),
        "depends": sorted(set(cache.deps[fn])),
        "rdepends": by_package(packages, cache.rundeps[fn]),
        "rrecommends": by_package(packages, cache.runrecs[fn]),
        "packages": packages,
        "stamp": cache.stamp[fn],
        "tasks": sorted(tasks["tasks"]),
        "basehashes": {task: cache.basetaskhash[fn + ":" + task] for task in tasks["tasks"]},
        "after": {task: sorted(set(of)) for task, of in tasks["parents"].items()},
        "flags": flags,
    }


def plain(value):
    """What a variable or flag holds, as JSON that says the same of the other side's value."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (set, frozenset)):
        return sorted(str(one) for one in value)
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    return str(value)


def values_of(fn, d):
    values, flags = {}, {}
    for name in sorted(d.keys()):
        is_python = d.getVarFlag(name, "func", False) and d.getVarFlag(name, "python", False)
        try:
            values[name] = {"value": plain(d.getVar(name, not is_python))}
        except Exception as error:
            values[name] = {"error": str(error)}
        flags[name] = {flag: plain(value) for flag, value in (d.getVarFlags(name) or {}).items()}
    line = {"kind": "values", "id": fn, "values": values, "flags": flags}
    line["inputs"] = inputs_of(d)
    return line


def inputs_of(d):
    """Base hashes' inputs: the names that the tasks reach, with what each needs and its text."""
    needs, texts = d.getVar("__siggen_gendeps", False), d.getVar("__siggen_varvals", False)
    tasks = sorted(d.getVar("__siggen_taskdeps", False))
    seen, waiting = set(), list(tasks)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting += needs[name]
    return {
        "tasks": tasks,
        "needs": {name: sorted(needs[name]) for name in seen},
        "values": {name: plain(texts.get(name)) for name in seen},
    }


def main():
    wanted = []
    if "--values" in sys.argv:
        with open(sys.argv[sys.argv.index("--values") + 1]) as file:
            wanted = file.read().split()
    cooker = open_cooker()
    cache = cooker.recipecaches[""]
    pid = re.compile(rf"\b{os.getpid()}\b")
    with open(out, "w") as file:

        def write(line):
            file.write(pid.sub("PID", json.dumps(line, sort_keys=True)) + "\n")

        packages = {}
        for name, fns in cache.packages.items():
            for fn in fns:
                packages.setdefault(fn, []).append(name)
        for fn in sorted(cache.pkg_fn):
            write(facts(cache, fn, sorted(set(packages.get(fn, [])))))
        for fn, skipped in sorted(cooker.skiplist_by_mc[""].items()):
            write({"kind": "skipped", "id": fn, "pn": skipped.pn, "reason": skipped.skipreason})
        for fn in wanted:
            real = bb.cache.virtualfn2realfn(fn)[0]
            collection = cooker.collections[""]
            layer = collection.calc_bbfile_priority(real)[2]
            write(values_of(fn, cooker.databuilder.parseRecipe(fn, collection.get_file_appends(real), layer)))


# Parser processes are forked; this is for those that are spawned.
if __name__ == "__main__":
    main()
