"""The files that hold golden cases: read into requests for BitBake, and written with what BitBake answered."""

import json
import os
import re

RECIPE, DATASTORE, LANGUAGE, SCAN, FETCH = "recipe", "datastore", "language", "scan", "fetch"


class Form:
    """A file of expected values. `requests` are asked of BitBake; `text` is the file with the answers put in."""

    def __init__(self, path):
        self.path = path
        self.requests = []

    def present(self):
        if not os.path.exists(self.path):
            return ""
        with open(self.path, encoding="utf-8") as file:
            return file.read()

    def text(self, answers):
        raise NotImplementedError


class Sections(Form):
    """
    Cases below each other: `=== title`, what the case is made of, and from the first line that `expected` matches on,
    what BitBake makes of it. Text before the first title is for readers.
    """

    def __init__(self, path, expected, ask):
        super().__init__(path)
        head, *sections = re.split(r"^=== ", self.present(), flags=re.M)
        self.head = head
        self.cases = []
        for section in sections:
            title, *lines = section.rstrip("\n").split("\n")
            at = next((n for n, line in enumerate(lines) if re.match(expected, line)), len(lines))
            self.cases.append((title, lines[:at], lines[at:]))
            self.requests.append(ask("\n".join(lines[:at])))

    def text(self, answers):
        parts = [self.head]
        for (title, given, before), answer in zip(self.cases, answers):
            lines = [title, *given, *self.expected(answer, before)]
            parts.append("\n".join(lines) + "\n")
        return "=== ".join(parts)

    def expected(self, answer, before):
        return answer.split("\n") if answer else []


class Recipes(Sections):
    """A case is a project: files after `--- path` lines; what stands before the first is x_1.0.bb."""

    def __init__(self, path):
        super().__init__(path, r"--> ", lambda text: {"kind": "project", **split_files(text)})


def split_files(text):
    """The files of a case, and the questions that it asks beside (`--- ask`)."""
    first, *rest = re.split(r"^--- (.*)\n", text + "\n", flags=re.M)
    files = dict(zip(rest[::2], rest[1::2]))
    if first.strip():
        if "x_1.0.bb" in files:
            raise ValueError("two times x_1.0.bb in a case")
        files["x_1.0.bb"] = first
    ask = [line for line in files.pop("ask", "").split("\n") if line]
    return {"files": files, "ask": ask}


class Scans(Sections):
    """
    Texts and what they call. Lines `!!!` are ours alone. What is there stays: where BitBake has something else, or
    refuses the text, lines `BitBake: ` after it say what. A new case gets what BitBake has.
    """

    def __init__(self, path, kind, expected):
        super().__init__(path, expected, lambda text: {"kind": kind, "text": text})

    def expected(self, answer, before):
        lines = super().expected(answer, before)
        ours = [line for line in before if not line.startswith("BitBake: ")]
        kept = [line for line in ours if line.startswith("!!! ")]
        if lines != ["refused"] and not ours or lines + kept == ours:
            return lines + kept
        return ours + [f"BitBake: {line}" for line in lines]


class Texts(Sections):
    """A text and what BitBake's fetcher makes of it, lines `--> `. A line `tsbake: ` below says why we differ on purpose."""

    def __init__(self, path, kind):
        super().__init__(path, r"-->", lambda text: {"kind": kind, "text": text})

    def expected(self, answer, before):
        return super().expected(answer, before) + [line for line in before if line.startswith("tsbake: ")]


class Folder(Form):
    """One evaluated file; for `error-…` the expected text is our own message, and BitBake only has to refuse too."""

    def __init__(self, folder):
        super().__init__(os.path.join(folder, "expected.txt"))
        self.is_error = os.path.basename(folder).startswith("error-")
        self.requests = [{"kind": "file", "files": read_tree(folder)}]

    def text(self, answers):
        refused = answers[0] == "refused\n"
        if not self.is_error:
            return answers[0]
        return self.present() if refused else answers[0]


class Syntax(Form):
    """The statements of one file, as BitBake's parser has them."""

    def __init__(self, folder):
        super().__init__(os.path.join(folder, "bitbake.txt"))
        name = next(name for name in sorted(os.listdir(folder)) if name.startswith("input."))
        with open(os.path.join(folder, name), encoding="utf-8", newline="") as file:
            self.requests = [{"kind": "syntax", "name": name, "text": file.read()}]

    def text(self, answers):
        return answers[0]


class Calls(Form):
    """Calls of the datastore, and what is read afterwards."""

    def __init__(self, path):
        super().__init__(path)
        self.cases = json.loads(self.present())
        self.requests = [
            {"kind": "calls", "calls": case["do"], "read": list(case["read"])} for case in self.cases
        ]

    def text(self, answers):
        lines = []
        for case, answer in zip(self.cases, answers):
            calls = ", ".join(json.dumps(call, ensure_ascii=False) for call in case["do"])
            read = ", ".join(
                f"{json.dumps(what, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}"
                for what, value in answer.items()
            )
            title = json.dumps(case["case"], ensure_ascii=False)
            lines.append(f'  {{\n    "case": {title},\n    "do": [{calls}],\n    "read": {{{read}}}\n  }}')
        return "[\n" + ",\n".join(lines) + "\n]\n"


def read_tree(folder):
    files = {}
    for base, _, names in os.walk(folder):
        for name in names:
            if name in ("expected.txt", "bitbake.txt"):
                continue
            path = os.path.join(base, name)
            with open(path, encoding="utf-8", newline="") as file:
                files[os.path.relpath(path, folder)] = file.read()
    return files


def read_forms(golden):
    """Every form below the folder of golden cases, by path."""
    forms = []
    recipes = os.path.join(golden, RECIPE)
    forms += [
        Recipes(os.path.join(recipes, name)) for name in sorted(os.listdir(recipes)) if name.endswith(".txt")
    ]
    datastore = os.path.join(golden, DATASTORE)
    forms.append(Calls(os.path.join(datastore, "calls.json")))
    forms += [Folder(folder) for folder in folders(datastore)]
    forms += [Syntax(folder) for folder in folders(os.path.join(golden, LANGUAGE))]
    forms.append(Scans(os.path.join(golden, SCAN, "shell.txt"), "shell", r"-->"))
    forms.append(
        Scans(os.path.join(golden, SCAN, "python.txt"), "python", r"(refs|calls|contains|BitBake): ")
    )
    forms.append(Texts(os.path.join(golden, FETCH, "urls.txt"), "url"))
    forms.append(Texts(os.path.join(golden, FETCH, "mirrors.txt"), "mirrors"))
    return forms


def folders(path):
    return [
        os.path.join(path, name)
        for name in sorted(os.listdir(path))
        if os.path.isdir(os.path.join(path, name))
    ]
