"""A datastore of BitBake as the lines that the golden files hold."""

import json


def show(value):
    """As JSON; sets sorted, so that the text is the same every time."""
    if isinstance(value, (set, frozenset)):
        value = sorted(value, key=str)
    return json.dumps(value, ensure_ascii=False, default=str)


def variable_lines(d, name, expand=True):
    """`NAME = value` and `NAME[flag] = value`, flags sorted."""
    lines = []
    value = d.getVar(name, expand)
    if value is not None:
        lines.append(f"{name} = {show(value)}")
    for flag in sorted(d.getVarFlags(name) or {}):
        lines.append(f"{name}[{flag}] = {show(d.getVarFlag(name, flag, expand))}")
    return lines


def without_folder(text, folder):
    """`@` for the folder of the case, also where it is part of a function's name."""
    mangled = folder.translate(str.maketrans("/.+-@%&~", "________"))
    return text.replace(f"{folder}/", "@/").replace(f"{mangled}_", "@_").replace(folder, "@")
