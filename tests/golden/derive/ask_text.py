"""Texts alone: the statements of a file, the commands of shell code, what Python code refers to."""

import json
import logging
import os

import bb
import bb.codeparser
import bb.data
import bb.parse
from bb.parse import ast
from bb.parse.parse_py import BBHandler, ConfHandler

logger = logging.getLogger("BitBake.Golden")


def syntax(request, folder):
    """A line for each statement, without places. `refused` when there is an error anywhere in the file."""
    path = os.path.join(folder, request["name"])
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(request["text"])
    try:
        statements = statements_of(path)
    except (bb.parse.ParseError, bb.BBHandledException):
        return "refused\n"
    return "".join(f"{line}\n" for line in map(statement_line, statements))


def statements_of(path):
    """The parser evaluates at once: what it would evaluate is caught here."""
    found = []

    def catch(group, _data):
        found.extend(group)
        group.clear()

    ast.StatementGroup.eval = catch
    d = bb.data.init()
    d.setVar("BBPATH", os.path.dirname(path))
    if path.endswith(".conf"):
        ConfHandler.handle(path, d, 1, baseconfig=True)
    else:
        BBHandler.handle(path, d, 1)
    return found


def statement_line(node):
    kind, fields = describe(node)
    return f"{kind} {json.dumps(fields, ensure_ascii=False)}"


OPERATORS = {
    "colon": ":=",
    "lazyques": "??=",
    "ques": "?=",
    "append": "+=",
    "prepend": "=+",
    "predot": "=.",
    "postdot": ".=",
}


def describe(node):
    name = type(node).__name__
    if name == "DataNode":
        match = node.groupd
        operator = next((text for group, text in OPERATORS.items() if match[group] is not None), "=")
        flag = [] if match["flag"] is None else [match["flag"]]
        return "assignment", [
            match["var"],
            *flag,
            operator,
            match["value"],
            *(["export"] if match["exp"] else []),
        ]
    if name == "MethodNode":
        is_anonymous = node.func_name == "__anonymous"
        marks = [
            *(["python"] if node.python or is_anonymous else []),
            *(["fakeroot"] if node.fakeroot else []),
        ]
        return "function", ["" if is_anonymous else node.func_name, *marks, "\n".join(node.body)]
    if name == "PythonMethodNode":
        return "def", [node.function, "\n".join(node.body).rstrip("\n")]
    if name == "IncludeNode":
        return "require" if node.force else "include", node.what_file
    if name == "AddTaskNode":
        return "addtask", {
            "tasks": node.tasks.split(),
            "before": node.before.split(),
            "after": node.after.split(),
        }
    if name == "AddFragmentsNode":
        return "addfragments", [
            node.fragments_path_prefix,
            node.fragments_variable,
            node.flagged_variables_list_variable,
            node.builtin_fragments_variable,
        ]
    simple = {
        "IncludeAllNode": lambda: ("include_all", node.what_file),
        "ExportNode": lambda: ("export", node.var),
        "UnsetNode": lambda: ("unset", [node.var]),
        "UnsetFlagNode": lambda: ("unset", [node.var, node.flag]),
        "ExportFuncsNode": lambda: ("EXPORT_FUNCTIONS", node.n),
        "DelTaskNode": lambda: ("deltask", node.tasks.strip()),
        "BBHandlerNode": lambda: ("addhandler", node.hs),
        "PyLibNode": lambda: ("addpylib", [node.libdir, node.namespace]),
        "InheritNode": lambda: ("inherit", node.classes),
        "InheritDeferredNode": lambda: ("inherit_defer", node.inherit[0]),
    }
    return simple[name]()


def shell(request, _folder):
    parser = bb.codeparser.ShellParser("golden", logger)
    try:
        commands = parser.parse_shell(request["text"])
    except Exception:
        return "refused"
    return " ".join(["-->", *sorted(commands)])


def python(request, _folder):
    parser = bb.codeparser.PythonParser("golden", logger)
    try:
        parser.parse_python(request["text"])
    except Exception:
        return "refused"
    lines = []
    if parser.references:
        lines.append(" ".join(["refs:", *sorted(parser.references)]))
    if parser.execs:
        lines.append(" ".join(["calls:", *sorted(parser.execs)]))
    for name in sorted(parser.contains):
        lines.append(
            " ".join(["contains:", name, *(f"{{{item}}}" for item in sorted(parser.contains[name]))])
        )
    return "\n".join(lines)
