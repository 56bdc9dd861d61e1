"""Fetching and unpacking for metadata that asks for it itself: the program `tsbake-fetch` does it, as for our own do_fetch."""

import os
import re
import shlex
import subprocess

import bb
from bb.fetch2 import errors

# What the program is told of the configuration; packages/fetch/src/settings/settings.ts says what each means.
SETTINGS = """
    BB_ALLOWED_NETWORKS BB_CHECK_SSL_CERTS BB_FETCH_PREMIRRORONLY BB_GENERATE_MIRROR_TARBALLS BB_GENERATE_SHALLOW_TARBALLS
    BB_GIT_DEFAULT_DESTSUFFIX BB_GIT_NOSHARED BB_GIT_SHALLOW BB_GIT_SHALLOW_DEPTH BB_GIT_SHALLOW_EXTRA_REFS
    BB_GIT_SHALLOW_REVS BB_NO_NETWORK BB_STRICT_CHECKSUM FETCHCMD_git FETCHCMD_wget GITDIR
    TSBAKE_HTTP_MAX_SIZE TSBAKE_HTTP_MAX_TIME TSBAKE_HTTP_MIN_RATE
""".split()
BY_NAME = ("BB_GIT_SHALLOW_DEPTH_", "BB_GIT_SHALLOW_REVS_")
# Of a here-document in a class.
_NEXT_LINE = "\n        "
_CODE = re.compile(r"^error\[([a-z]+/[a-z-]+)\]: (.*)", re.MULTILINE)


def settings(d):
    """`NAME=value` of what is set."""
    found = []
    for name in SETTINGS:
        value = d.getVar(name)
        if name == "BB_ALLOWED_NETWORKS":
            value = d.getVarFlag(name, d.getVar("PN") or "", False) or value
        if value is not None:
            found.append("%s=%s" % (name, value))
    for name in d.keys():
        if name.startswith(BY_NAME):
            found.append("%s=%s" % (name, d.getVar(name) or ""))
    return found


# The three that our own classes ask have their like in packages/python/src/inline/fetch-calls.ts: a recipe with plain sources is
# built without an interpreter. A test compares them.
def sum_words(d):
    """Checksums among the flags of SRC_URI, `FLAG=VALUE` each."""
    flags = d.getVarFlags("SRC_URI") or {}
    return " ".join("%s=%s" % (flag, flags[flag]) for flag in sorted(flags) if flag.endswith("sum"))


def setting_options(d):
    """`settings` as lines of the program's options."""
    return _NEXT_LINE.join("--set=" + setting.replace("\n", " ") for setting in settings(d))


def environment_options(d, at_start):
    """What fetching takes of the configuration, or else of the caller's environment: proxies, logins, certificates.

    at_start: for `env`, what Node.js reads when it starts; else the others as lines of the program's options, where a login is
    in nobody's sight.
    """
    caller = d.getVar("BB_ORIGENV", False)
    names = (d.getVar("FETCH_EXPORT_VARS") or "").split()
    found = {name: d.getVar(name) or (caller.getVar(name) if caller else None) for name in names}
    home = caller.getVar("HOME") if caller else None
    if home and not found.get("NETRC"):
        found["NETRC"] = home + "/.netrc"
    pairs = [
        "%s=%s" % (name, found[name].replace("\n", " "))
        for name in sorted(found)
        if found[name] and name.startswith(("NODE_", "SSL_")) == at_start
    ]
    if at_start:
        return " ".join(shlex.quote(pair) for pair in pairs)
    return _NEXT_LINE.join("--env=" + pair for pair in pairs)


def run(command, fetcher, urls, more=()):
    """Raises what BitBake raises for the same fault."""
    d = fetcher.d
    if not d.getVar("DL_DIR"):
        raise errors.FetchError("DL_DIR is not set", urls[0])
    call = ["tsbake-fetch", command, "--options", "-", *more]
    options = ["--filespath=%s" % (d.getVar("FILESPATH") or ""), "--dl-dir=%s" % d.getVar("DL_DIR")]
    for variable, option in (("PREMIRRORS", "--premirrors"), ("MIRRORS", "--mirrors")):
        options.append("%s=%s" % (option, d.getVar(variable) or ""))
    options += ["--set=%s" % setting.replace("\n", " ") for setting in settings(d)]
    if not (d.getVar("BB_STRICT_CHECKSUM") or ""):
        options.append("--set=BB_STRICT_CHECKSUM=0")
    for url in urls:
        ud = fetcher.ud[url]
        if ud.method.supports_srcrev():
            options.append("--revs=%s=%s" % (ud.name, ud.revision_of(d)))
        for name, value in ud.declared_checksums().items():
            options.append("--sums=%s=%s" % (name, value))
        options.append("--entry=%s" % d.expand(url))
    environment = {**os.environ, **_environment(d)}
    try:
        # Not as arguments, which everybody can see: an entry may have a password.
        done = subprocess.run(
            call, env=environment, input="\n".join(options) + "\n", capture_output=True, text=True
        )
    except OSError as problem:
        raise errors.FetchError("%s cannot be run: %s" % (call[0], problem), urls[0]) from problem
    for line in done.stderr.splitlines():
        if line.startswith("warning"):
            bb.warn(line.partition(": ")[2])
    if done.returncode:
        raise _error(command, urls, done.stderr)


def _environment(d):
    from bb.fetch2 import get_fetcher_environment

    return get_fetcher_environment(d)


def _error(command, urls, said):
    found = _CODE.search(said)
    code, text = found.groups() if found else ("", said.strip())
    text = said.strip() if code == "fetch/download-failed" else text
    url = next((url for url in urls if url.partition(";")[0] in said), urls[0])
    if command == "unpack" and not code.startswith("fetch/missing") and code != "fetch/wrong-tag":
        return errors.UnpackError(text, url)
    if code == "fetch/no-network":
        return errors.NetworkAccess(url, text)
    if code == "fetch/untrusted-host":
        return errors.UntrustedUrl(url, text)
    if code == "fetch/checksum-mismatch":
        return errors.ChecksumError(text, url, (re.findall(r" is ([0-9a-f]{32,})", text) or [None])[0])
    if code == "fetch/missing-checksum":
        return errors.NoChecksumError(text, url)
    if code == "fetch/bad-uri":
        return errors.ParameterError(text, url)
    if code == "fetch/unsupported-type":
        return errors.NoMethodError(url)
    return errors.FetchError(text, url)
