"""Small tools that metadata calls: lists of words, versions, dependencies, files, locks."""

import contextlib
import errno
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

import bb
import bb.filter
from bb._edit import edit_bblayers_conf, edit_metadata, edit_metadata_file  # noqa: F401
from bb._system import (  # noqa: F401
    LogCatcher,
    PrCtlError,
    build_environment,
    get_collection_res,
    goh1_file,
    load_plugins,
    lock_timeout,
    set_process_name,
    signal_on_parent_exit,
)
from tsbake import absent

# --- lists of words ---------------------------------------------------------------------------------------------


def _words(values):
    return set(values.split()) if isinstance(values, str) else set(values)


def contains(variable, checkvalues, truevalue, falsevalue, d):
    """truevalue if every word of `checkvalues` is in the variable, else falsevalue; an empty variable holds nothing."""
    value = d.getVar(variable)
    return truevalue if value and _words(checkvalues) <= set(value.split()) else falsevalue


def contains_any(variable, checkvalues, truevalue, falsevalue, d):
    """truevalue if at least one word is in the variable."""
    value = d.getVar(variable)
    return truevalue if value and _words(checkvalues) & set(value.split()) else falsevalue


def filter_string(val, checkvalues):
    """The words of `val` that are in `checkvalues`, sorted, each once."""
    return " ".join(sorted(_words(checkvalues) & set(val.split()))) if val else ""


def filter(variable, checkvalues, d):
    return filter_string(d.getVar(variable), checkvalues)


def to_boolean(string, default=None):
    """y yes 1 true / n no 0 false in any case; `default` for what is empty or None."""
    if not string:
        return default
    if isinstance(string, int):
        return string != 0
    word = string.lower()
    if word in ("y", "yes", "1", "true"):
        return True
    if word in ("n", "no", "0", "false"):
        return False
    raise ValueError("Invalid value for to_boolean: %s" % string)


def prune_suffix(var, suffixes, d):
    """`var` without the first of the suffixes that it ends with."""
    for suffix in suffixes:
        if suffix and var.endswith(suffix):
            return var[: -len(suffix)]
    return var


# --- versions ---------------------------------------------------------------------------------------------------


class VersionStringException(Exception):
    """A version specification that has no meaning."""


_PIECE = re.compile(r"(?P<number>[0-9]+)|(?P<word>[A-Za-z]+)|(?P<tilde>~)|(?P<other>.)", re.DOTALL)
_RANK = {"tilde": -1, "number": 0, "word": 1, "other": 2}


def explode_version(s):
    """[(rank, piece)]: -1 `~`, 0 a number, 1 letters, 2 anything else."""
    found = []
    for piece in _PIECE.finditer(s):
        kind, text = piece.lastgroup, piece.group()
        found.append((_RANK[kind], int(text) if kind == "number" else text))
    return found


def split_version(s):
    """(epoch, version, revision) of `[epoch:]version[-revision]`."""
    s = s.strip(" <>=")
    epoch = 0
    if ":" in s:
        parts = s.split(":")
        epoch, s = int(parts[0]), parts[1]
    version, dash, revision = s.rpartition("-")
    return (epoch, version, revision) if dash else (epoch, s, "")


def vercmp_part(a, b):
    """-1, 0 or 1. What is over counts as (0, nothing): less than any number, letter or sign, more than `~`."""
    left, right = explode_version(a), explode_version(b)
    for at in range(max(len(left), len(right))):
        rank_a, piece_a = left[at] if at < len(left) else (0, None)
        rank_b, piece_b = right[at] if at < len(right) else (0, None)
        if rank_a != rank_b:
            return -1 if rank_a < rank_b else 1
        if piece_a != piece_b:
            if piece_a is None or piece_b is None:
                return -1 if piece_a is None else 1
            return -1 if piece_a < piece_b else 1
    return 0


def vercmp(ta, tb):
    (epoch_a, version_a, revision_a), (epoch_b, version_b, revision_b) = ta, tb
    return (
        int(epoch_a or 0) - int(epoch_b or 0)
        or vercmp_part(version_a, version_b)
        or vercmp_part(revision_a, revision_b)
    )


def vercmp_string(a, b):
    return vercmp(split_version(a), split_version(b))


def vercmp_string_op(a, b, op):
    order = vercmp_string(a, b)
    answers = {
        "=": order == 0,
        "==": order == 0,
        "<=": order <= 0,
        ">=": order >= 0,
        ">": order > 0,
        ">>": order > 0,
        "<": order < 0,
        "<<": order < 0,
        "!=": order != 0,
    }
    if op not in answers:
        raise VersionStringException('Unsupported comparison operator "%s"' % op)
    return answers[op]


def is_semver(version):
    """Whether the text is a version of semver.org 2.0."""
    number, name = r"(?:0|[1-9]\d*)", r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
    pattern = r"%s\.%s\.%s(?:-%s(?:\.%s)*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?" % (
        number,
        number,
        number,
        name,
        name,
    )
    return re.fullmatch(pattern, version, re.ASCII) is not None


# --- dependencies: NAME [(OP VERSION)] ... ---------------------------------------------------------------------


@bb.filter.filter_proc(name="bb.utils.explode_deps")
def explode_deps(s):
    """Names in order, without the versions in parentheses."""
    names, inside = [], False
    for word in s.split():
        inside = inside or word.startswith("(")
        if not inside:
            names.append(word)
        elif word.endswith(")"):
            inside = False
    return names


_OPERATOR = re.compile(r"<=|=<|<<|==|!=|>=|=>|>>|<|>|=")


def explode_dep_versions2(s, *, sort=True):
    """{name: ["OP VERSION", ...]}; commas between names are ignored. By name, or in order with sort=False."""
    found, name, group = {}, None, None
    for word in s.replace(",", "").split():
        if group is None and not word.startswith("("):
            name = word
            found.setdefault(name, [])
            continue
        group = word[1:] if group is None else group + " " + word
        if group.endswith(")"):
            found.setdefault(name, []).append(_constraint(group[:-1].strip()))
            group = None
    if group is not None:
        raise VersionStringException(
            'Invalid version specification in "(%s" - the parenthesis is not closed' % group
        )
    return dict(sorted(found.items())) if sort else found


def _constraint(text):
    operator = _OPERATOR.match(text)
    if operator is None:
        raise VersionStringException(
            'Invalid version specification in "(%s" - invalid or missing operator' % text
        )
    return operator.group() + " " + text[operator.end() :].strip()


def explode_dep_versions(s):
    """{name: "OP VERSION" or None}; a warning where a name has several."""
    found = {}
    for name, versions in explode_dep_versions2(s).items():
        if len(versions) > 1:
            bb.warn("'%s' has more than one version in '%s'; only the first counts here" % (name, s))
        found[name] = versions[0] if versions else None
    return found


def join_deps(deps, commasep=True):
    """The text of a dictionary as the two functions above make it."""
    shown = []
    for name, versions in deps.items():
        if not versions:
            shown.append(name)
        for version in [versions] if isinstance(versions, str) else versions or ():
            shown.append("%s (%s)" % (name, version))
    return (", " if commasep else " ").join(shown)


# --- files ------------------------------------------------------------------------------------------------------


def which(path, item, direction=0, history=False, executable=False):
    """
    The first existing `item` along a path with colons, absolute, or "". `direction` 1: from the end. With `history`:
    (found, places tried). `executable`: only a file that can be run.
    """
    places = (path or "").split(":")
    tried, found = [], ""
    for place in reversed(places) if direction else places:
        candidate = os.path.join(place, item)
        tried.append(candidate)
        if (
            os.path.isfile(candidate) and os.access(candidate, os.X_OK)
            if executable
            else os.path.exists(candidate)
        ):
            found = os.path.abspath(candidate) if not os.path.isabs(candidate) else candidate
            break
    return (found, tried) if history else found


def mkdirhier(directory):
    """mkdir -p."""
    if "${" in str(directory):
        bb.fatal("the folder name %s has a variable in it that was not expanded" % directory)
    os.makedirs(directory, exist_ok=True)


def _refuse_dangerous(path):
    absolute = os.path.abspath(path)
    home = os.environ.get("HOME")
    if absolute in ("/", "//", "/home", home) or re.fullmatch("/home/[^/]*", absolute):
        raise Exception("refusing to delete the folder %s with all its content" % path)


def remove(path, recurse=False, ionice=False):
    """rm -f of a glob pattern, with `recurse` rm -rf."""
    if not path:
        return
    names = glob.glob(path)
    if recurse:
        for name in names:
            _refuse_dangerous(name)
        if names:
            subprocess.check_call([*(["ionice", "-c", "3"] if ionice else []), "rm", "-rf", "--", *names])
        return
    for name in names:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def prunedir(topdir, ionice=False):
    _refuse_dangerous(topdir)
    remove(topdir, recurse=True, ionice=ionice)


def rename(src, dst):
    """os.rename that also crosses file systems."""
    try:
        os.rename(src, dst)
    except OSError as problem:
        if problem.errno != errno.EXDEV:
            raise
        shutil.move(src, dst)


def copyfile(src, dest, newmtime=None, sstat=None):
    """
    Copies a file or symlink over `dest`, with times and mode, and as root the owner. Returns the stat of the source,
    the new time if one was given, or False after a warning.
    """
    try:
        stat = sstat or os.lstat(src)
        if os.path.islink(dest):
            os.unlink(dest)
        if os.path.islink(src):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(dest)
            os.symlink(os.readlink(src), dest)
            return os.lstat(src)
        shutil.copyfile(src, dest)
        os.chmod(dest, stat.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(dest, stat.st_uid, stat.st_gid)
            os.chmod(dest, stat.st_mode & 0o7777)
        os.utime(dest, (newmtime, newmtime)) if newmtime else os.utime(
            dest, ns=(stat.st_atime_ns, stat.st_mtime_ns)
        )
    except OSError as problem:
        bb.warn("could not copy %s to %s: %s" % (src, dest, problem))
        return False
    return newmtime or stat


def movefile(src, dest, newmtime=None, sstat=None):
    """Moves a file or symlink over `dest`. Returns the new time, or None after a warning."""
    try:
        rename(src, dest)
        if newmtime and not os.path.islink(dest):
            os.utime(dest, (newmtime, newmtime))
        return newmtime or os.lstat(dest).st_mtime
    except OSError as problem:
        bb.warn("could not move %s to %s: %s" % (src, dest, problem))
        return None


def break_hardlinks(src, sstat=None):
    """Gives `src` an inode of its own."""
    if (sstat or os.lstat(src)).st_nlink == 1:
        return True
    handle, copy = tempfile.mkstemp(dir=os.path.dirname(src) or ".")
    os.close(handle)
    if copyfile(src, copy) is False:
        os.unlink(copy)
        return False
    os.rename(copy, src)
    return True


def _digest(algorithm, filename):
    with open(filename, "rb") as file:
        return (
            hashlib.file_digest(file, algorithm).hexdigest()
            if hasattr(hashlib, "file_digest")
            else hashlib.new(algorithm, file.read()).hexdigest()
        )


def md5_file(filename):
    return _digest("md5", filename)


def sha1_file(filename):
    return _digest("sha1", filename)


def sha256_file(filename):
    return _digest("sha256", filename)


def sha384_file(filename):
    return _digest("sha384", filename)


def sha512_file(filename):
    return _digest("sha512", filename)


def to_filemode(input):
    """A mode given as number or as octal text."""
    return input if isinstance(input, int) else int(input, 8)


def path_is_descendant(descendant, ancestor):
    """Whether `descendant` is `ancestor` or below it, by inode."""
    top = os.stat(ancestor)
    path = os.path.realpath(descendant)
    while True:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.stat(path), top):
                return True
        if path == os.path.dirname(path):
            return False
        path = os.path.dirname(path)


def is_path_on_nfs(path):
    """Whether df says so."""
    shown = subprocess.run(["df", "-T", path], capture_output=True, text=True, check=True).stdout.splitlines()
    return shown[1].split()[1].startswith("nfs")


# --- surroundings -----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def umask(new_mask):
    before = os.umask(new_mask)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def environment(**envvars):
    """The environment with these variables, for a while."""
    before = {name: os.environ.get(name) for name in envvars}
    os.environ.update(envvars)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def cpu_count():
    return len(os.sched_getaffinity(0))


def nonblockingfd(fd):
    os.set_blocking(fd, False)


def export_proxies(d):
    """Puts the proxy variables of `d` into the environment where they are missing; whether any was put."""
    put = False
    for name in (
        "http_proxy https_proxy ftp_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY "
        "GIT_PROXY_COMMAND SSH_AUTH_SOCK GIT_SSL_CAINFO SSL_CERT_FILE".split()
    ):
        value = d.getVar(name)
        if value is not None and name not in os.environ:
            os.environ[name] = value
            put = True
    return put


def is_local_uid(uid=""):
    """Whether /etc/passwd knows the user."""
    uid = str(uid or os.getuid())
    with open("/etc/passwd") as users:
        return any(line.split(":")[2:3] == [uid] for line in users)


def disable_network(uid=None, gid=None):
    """The engine cuts the network before a task starts."""


enable_loopback_networking = disable_network


def get_file_layer(filename, d, collection_res=None):
    """The collection whose pattern matches the path longest, or None."""
    best, length = None, -1
    for name in (d.getVar("BBFILE_COLLECTIONS") or "").split():
        pattern = d.getVar("BBFILE_PATTERN_" + name) or ""
        if pattern and len(pattern) > length and re.match(pattern, filename):
            best, length = name, len(pattern)
    return best


def mkstemp(suffix=None, prefix=None, dir=None, text=False):
    """tempfile.mkstemp with a name that fits no other process's."""
    return tempfile.mkstemp(suffix, "%s%d." % (prefix or "tmp", os.getpid()), dir, text)


# --- locks ------------------------------------------------------------------------------------------------------


def lockfile(name, shared=False, retry=True, block=False):
    """A flock on `name`, as a file object for unlockfile; None when it is taken and `retry` is False."""
    import fcntl

    mkdirhier(os.path.dirname(name) or ".")
    mode = (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if retry or block else fcntl.LOCK_NB)
    while True:
        file = open(name, "a+")
        try:
            fcntl.flock(file.fileno(), mode)
        except OSError as problem:
            file.close()
            if problem.errno in (errno.EAGAIN, errno.EACCES) and not retry:
                return None
            raise
        # The holder before us may have removed the name: then this lock is on a file that nobody else sees.
        if os.path.exists(name) and os.path.samestat(os.fstat(file.fileno()), os.stat(name)):
            return file
        file.close()


def unlockfile(lf):
    """Removes the file, if no one else waits on it by sharing, and lets go."""
    import fcntl

    with contextlib.suppress(OSError):
        fcntl.flock(lf.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(lf.name)
    lf.close()


@contextlib.contextmanager
def fileslocked(files, *args, **kwargs):
    locks = [lockfile(name, *args, **kwargs) for name in files or ()]
    try:
        yield
    finally:
        for lock in locks:
            unlockfile(lock)


# --- evaluation -------------------------------------------------------------------------------------------------

_context_source = dict


def _set_context_source(source):
    global _context_source
    _context_source = source


def clean_context():
    """The global names that every function of metadata has."""
    import time

    return {"os": os, "bb": bb, "time": time}


def get_context():
    """The global namespace of metadata functions."""
    return _context_source()


def better_eval(source, locals, extraglobals=None):
    return eval(source, {**get_context(), **(extraglobals or {})}, locals)


def better_compile(text, file, realfile, mode="exec", lineno=0):
    return compile("\n" * lineno + text, realfile, mode)


def better_exec(code, context, text=None, realfile="<code>", pythonexception=False):
    exec(
        code if hasattr(code, "co_code") else better_compile(code, realfile, realfile), get_context(), context
    )


def simple_exec(code, context):
    exec(code, get_context(), context)


def exec_flat_python_func(func, *args, **kwargs):
    """Calls the metadata function of this name."""
    return get_context()[func](*args, **kwargs)


__getattr__ = absent.names(__name__)
