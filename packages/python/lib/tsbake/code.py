"""Text of metadata into code objects whose line numbers are the file's own; each distinct text is compiled once."""

import ast
import re

LIMIT = 20000
_compiled = {}


def _remember(key, code):
    if len(_compiled) >= LIMIT:
        _compiled.clear()
    _compiled[key] = code
    return code


def expression(text):
    """An inline expression."""
    code = _compiled.get(text)
    return code or _remember(text, compile(text.strip(), "<inline>", "eval"))


def module(text, file, line):
    """`text`, whose first line is line `line` (from 1) of `file`."""
    key = (text, file, line)
    return _compiled.get(key) or _remember(key, compile("\n" * (line - 1) + text, file, "exec"))


def plain_name(name):
    """A name that `def` accepts, for a function whose own name may have dashes, colons or dots."""
    plain = re.sub(r"\W", "_", name)
    return "_" + plain if plain[:1].isdigit() else plain


def function(name, parameters, body, file, line):
    """
    A function of the text between the braces of `python name() { ... }`; `line` is the line of the body's first line.
    The `def` line stands on the line before, which is where the braces open.
    """
    if not any(part.strip() and not part.lstrip().startswith("#") for part in body.split("\n")):
        body += "\n    pass"
    head = "def %s(%s):\n" % (plain_name(name), parameters)
    if line > 1:
        return module(head + body + "\n", file, line - 1)
    return _first_line(head + body + "\n", file)


def _first_line(text, file):
    """A function whose body starts on line 1 has its `def` on line 0."""
    key = (text, file, 0)
    if key in _compiled:
        return _compiled[key]
    try:
        tree = ast.parse(text, file)
    except SyntaxError as error:
        error.lineno = max(1, (error.lineno or 1) - 1)
        raise
    return _remember(key, compile(ast.increment_lineno(tree, -1), file, "exec"))


def load(name, code, namespace):
    """Runs the `def` of `function` and returns the function; the namespace does not learn its name."""
    found = {}
    exec(code, namespace, found)
    return found[plain_name(name)]
