"""Values of variables changed in the text of a recipe or configuration file; all else stays as it is."""

import fnmatch
import os
import re

_LAYERS = re.compile(r"""^BBLAYERS[ \t]*[?+:.]*=[+.]*[ \t]*["']""")
_OVERRIDES = r"(?:[_:][a-zA-Z0-9-_$(){}]+)*"


def _pattern(name, match_overrides):
    more = _OVERRIDES if match_overrides else ""
    if name.endswith("()"):
        return re.compile(r"^(%s%s)[ \t]*\([ \t]*\)[ \t]*\{" % (name[:-2].rstrip(), more))
    return re.compile(r"""^(%s%s)[ \t]*([?+:.]*=[+.]*)[ \t]*(["'])""" % (name, more))


class _Setting:
    """What sets a variable, or a function, over one line or several."""

    def __init__(self, match, is_function):
        self.name = match.group(1) + ("()" if is_function else "")
        self.is_function = is_function
        self.op = "" if is_function else match.group(2)
        self.quote = "" if is_function else match.group(3)
        self.head = match.group(0)
        self.lines = []
        self.value = ""

    def add(self, line):
        """Whether `line` is the last of it."""
        self.lines.append(line)
        text = line.rstrip("\n")
        if self.is_function:
            if len(self.lines) == 1:
                return False
            if text.startswith("}"):
                return True
            self.value += line
            return False
        if len(self.lines) == 1:
            text = text[len(self.head) :]
        text = text.rstrip()
        if text.endswith("\\"):
            self.value += text[:-1]
            return False
        self.value += text[:-1] if text.endswith(self.quote) else text
        return True

    def written(self, value, op, indent, minbreak):
        if self.is_function:
            if isinstance(value, list):
                shift = indent if isinstance(indent, str) else " " * indent
                return [self.head + "\n", *("%s%s\n" % (shift, one) for one in value), "}\n"]
            return [self.head + "\n", *value.splitlines(True), "}\n"]
        head = '%s %s "' % (self.name, op or self.op)
        if not isinstance(value, list):
            return [head + value + '"\n']
        shift = indent if isinstance(indent, str) else " " * (len(head) if indent == -1 else indent)
        first = value[:1] if minbreak else []
        rest = value[len(first) :]
        return [head + "".join(first) + " \\\n", *("%s%s \\\n" % (shift, one) for one in rest), shift + '"\n']


def edit_metadata(meta_lines, variables, varfunc, match_overrides=False):
    """
    Asks `varfunc(name, value, op, newlines)` for each setting of one of `variables` (patterns; a function has `()`
    behind it) and gives (whether anything changed, all lines). Its answer is (value, op, indent, minbreak): a text, a list of
    words, or None to take the setting away; op None keeps the operator; indent -1 is below the opening quote.
    """
    patterns = [(_pattern(name, match_overrides), name.endswith("()")) for name in variables]
    newlines, changed, setting, is_gap = [], False, None, False
    for line in meta_lines:
        if setting is None:
            setting = _begin(line, patterns)
        if setting is None:
            # Not two empty lines where a setting stood between them.
            if not (is_gap and not line.strip() and newlines and not newlines[-1].strip()):
                newlines.append(line)
            is_gap = False
        elif setting.add(line):
            before = list(newlines)
            value, op, indent, minbreak = varfunc(setting.name, setting.value, setting.op, newlines)
            is_gap = value is None
            if value == setting.value and (op is None or op == setting.op):
                changed |= newlines != before
                newlines += setting.lines
            else:
                changed = True
                newlines += [] if is_gap else setting.written(value, op, indent, minbreak)
            setting = None
    return changed, newlines + (setting.lines if setting else [])


def _begin(line, patterns):
    for pattern, is_function in patterns:
        match = pattern.match(line)
        if match:
            return _Setting(match, is_function)
    return None


def edit_metadata_file(meta_file, variables, varfunc):
    """The same for a file, which is written only when it changes. Returns whether it was."""
    with open(meta_file) as file:
        changed, lines = edit_metadata(file, variables, varfunc)
    if changed:
        with open(meta_file, "w") as file:
            file.writelines(lines)
    return changed


def edit_bblayers_conf(bblayers_conf, add, remove, edit_cb=None):
    """
    Adds layers to BBLAYERS of a bblayers.conf and takes others out; patterns will do for those. `edit_cb` may give another
    path for each that is there. Returns those that were there already, and those that were not.
    """

    def listed(paths):
        return [paths] if isinstance(paths, str) else list(paths or ())

    def plain(path):
        return os.path.expanduser(path.rstrip(os.sep) or path)

    wanted = {plain(path): path.rstrip(os.sep) for path in listed(add)}
    unwanted = {plain(path): path for path in listed(remove)}
    with open(bblayers_conf) as file:
        lines = file.readlines()
    left = sum(1 for line in lines if _LAYERS.match(line))
    if not left:
        raise Exception("%s sets no BBLAYERS" % bblayers_conf)
    present, removed = set(), set()

    def change(name, value, op, newlines):
        nonlocal left
        left -= 1
        kept = []
        for layer in value.split():
            patterns = [one for one in unwanted if fnmatch.fnmatchcase(plain(layer), one)]
            removed.update(patterns)
            if not patterns:
                kept.append(edit_cb(layer) if edit_cb else layer)
        present.update(map(plain, kept))
        added = [] if left else [shown for path, shown in wanted.items() if path not in present]
        if kept + added == value.split():
            return value, None, 2, False
        if len(value.split()) == 1 and op != "=":
            # One layer a line: so are those that are added.
            for layer in [*kept, *added][:-1]:
                newlines.append('%s %s "%s"\n' % (name, op, layer))
            return ([*kept, *added] or [None])[-1], None, 2, False
        return kept + added, None, 2, False

    changed, lines = edit_metadata(lines, ["BBLAYERS"], change)
    if changed:
        with open(bblayers_conf, "w") as file:
            file.writelines(lines)
    # What was there before: `present` has none of those that were added.
    there = [shown for path, shown in wanted.items() if path in present]
    return there, [shown for path, shown in unwanted.items() if path not in removed]
