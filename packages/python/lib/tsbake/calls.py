"""
What the calls in a function's text read, as far as library functions say so themselves: `f.visitorcode(name, arguments)`
gives the words it asks for by variable, the names that count as called, and an argument that could not be understood.

See BitBake 2.19 lib/bb/codeparser.py, visit_Call: of several answers on one variable the last one stays.
"""

import ast

_visitors = {}

_WORDS = {
    "bb.utils.contains": lambda text: [text],
    "base_contains": lambda text: [text],
    "bb.utils.contains_any": str.split,
    "bb.utils.filter": str.split,
}


def learn(name, function):
    """Keeps the visitor of the library function `name` (dotted). Returns whether it has one."""
    visitor = getattr(function, "visitorcode", None)
    if visitor:
        _visitors[name] = visitor
    return bool(visitor)


def visit(text):
    """`contains`: words by variable, for all calls in the text; `calls`: names called in place of the visited ones."""
    contains, calls = {}, set()
    for node in ast.walk(ast.parse("if 1:\n" + text if text.lstrip("\n")[:1] in " \t" else text)):
        if not isinstance(node, ast.Call):
            continue
        name = _dotted_name(node.func)
        if name in _visitors:
            asked, called, _ = _visitors[name](name, node.args)
            contains.update((variable, set(words)) for variable, words in asked.items())
            calls.update(called)
        elif name in _WORDS:
            variable, words = [_literal(one) for one in (node.args + [None, None])[:2]]
            if variable is not None and words is not None:
                contains.setdefault(variable, set()).update(_WORDS[name](words))
    return {
        "contains": {variable: sorted(words) for variable, words in contains.items()},
        "calls": sorted(calls),
    }


def _dotted_name(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def _literal(node):
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
