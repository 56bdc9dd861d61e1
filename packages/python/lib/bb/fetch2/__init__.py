"""
Entries of SRC_URI, and what they mean: `bb.fetch2.Fetch` and what stands around it. Fetching and unpacking are done by the
program `tsbake-fetch` (packages/fetch), here as in our own do_fetch.
"""

import os

import bb
import bb.utils
from bb.fetch2 import program, revisions, shallow, status
from bb.fetch2.errors import (  # noqa: F401 (metadata takes them from here)
    BBFetchException,
    ChecksumError,
    FetchError,
    LocalModificationsError,
    MalformedUrl,
    MissingParameterError,
    NetworkAccess,
    NoChecksumError,
    NoMethodError,
    ParameterError,
    RebaseError,
    UnpackError,
    UntrustedUrl,
)
from bb.fetch2.mirrors import build_mirroruris, decodemirrorurl, mirror_from_string, uri_replace  # noqa: F401
from bb.fetch2.revisions import get_autorev  # noqa: F401
from bb.fetch2.status import FetchConnectionCache  # noqa: F401
from bb.fetch2.uri import URI, decodeurl, encodeurl  # noqa: F401

CHECKSUM_LIST = ["md5", "sha256", "sha1", "sha384", "sha512", "goh1"]
# Types whose SRC_URI flags say what their bytes are.
_SUMMED = ("http", "https", "ftp", "ftps", "sftp", "s3", "az", "crate", "gs", "gomod", "npm")
_WITH_REVISION = ("git", "gitsm", "gitannex", "svn", "hg", "gomodgit")
_NO_FILES = ("git", "gitsm", "gitannex", "svn", "hg", "repo", "p4", "ccrc", "gomodgit")
# All that BitBake knows; `tsbake-fetch` says which of them it fetches.
_TYPES = ("file", "ssh", "npmsw", *_SUMMED, *_NO_FILES)

# What programs that fetch get of the configuration, or else of the caller's environment.
FETCH_EXPORT_VARS = """
    HOME PATH HTTP_PROXY http_proxy HTTPS_PROXY https_proxy FTP_PROXY ftp_proxy FTPS_PROXY ftps_proxy NO_PROXY no_proxy
    ALL_PROXY all_proxy GIT_CONFIG_GLOBAL GIT_PROXY_COMMAND GIT_SSH GIT_SSH_COMMAND GIT_SSL_CAINFO GIT_SMART_HTTP
    SSH_AUTH_SOCK SSH_AGENT_PID SOCKS5_USER SOCKS5_PASSWD DBUS_SESSION_BUS_ADDRESS SSL_CERT_FILE SSL_CERT_DIR
    NODE_EXTRA_CA_CERTS NETRC
""".split()


class FetchMethod:
    """What metadata asks of `ud.method`: what sources of one type can do."""

    def __init__(self, scheme=""):
        self._scheme = scheme

    def supports_checksum(self, urldata):
        """Whether the source is one file, as far as can be seen now."""
        return (
            self._scheme not in _NO_FILES and bool(urldata.localpath) and not os.path.isdir(urldata.localpath)
        )

    def recommends_checksum(self, urldata):
        return self._scheme in ("http", "https", "ftp", "ftps")

    def supports_srcrev(self):
        return self._scheme in _WITH_REVISION

    def need_update(self, ud, d):
        return not os.path.exists(ud.localpath)

    def latest_revision(self, ud, d, name):
        return revisions.revision(ud, d)

    def checkstatus(self, fetch, ud, d):
        """Whether the source is at its own place."""
        if ud.type == "file":
            return os.path.exists(ud.localpath)
        if ud.type == "git":
            return _answers(revisions.heads_at, ud, d)
        if ud.type not in ("http", "https") or not _answers(check_network_access, d, "HEAD", ud.url):
            return False
        asked = URI(d.expand(ud.url))
        asked.userinfo, asked.params = "", {}
        return status.answers(str(asked), ud.user, ud.pswd, fetch.connection_cache if fetch else None)

    def latest_versionstring(self, ud, d, filter_regex=None):
        raise FetchError("which releases there are is not asked for by tsbake", ud.url)

    def unpack_update(self, ud, rootdir, d):
        raise UnpackError("a work folder is unpacked anew, never brought up to date", ud.url)

    def _get_repo_url(self, ud):
        return revisions.repository(ud)


class FetchData:
    """One entry of SRC_URI."""

    def __init__(self, url, d, localonly=False):
        self.url = url
        self.type, self.host, self.path, self.user, self.pswd, self.parm = decodeurl(d.expand(url))
        if self.type not in _TYPES:
            raise NoMethodError(url)
        self.user = self.user or self.parm.get("user") or ""
        self.pswd = self.pswd or self.parm.get("pswd") or ""
        if self.parm.get("proto") and "protocol" not in self.parm:
            bb.warn("%s: write `protocol` instead of `proto` in SRC_URI" % d.getVar("PN"))
            self.parm["protocol"] = self.parm["proto"]
        self.method = FetchMethod(self.type)
        self.name = self.parm.get("name") or "default"
        if "," in self.name:
            raise ParameterError("an entry has one name; several entries may name one repository", url)
        self.names = [self.name]
        self.basename = self.basepath = os.path.basename(self.path)
        self.donestamp = self.lockfile = self.localpath = None
        self.localfile = ""
        self.mirrortarballs = []
        self.ignore_checksums = False
        self._revision = None
        self._set_checksums(d)
        self._set_place(d)

    def _set_place(self, d):
        folder = d.getVar("DL_DIR") or ""
        if self.type == "file":
            self._set_local(d)
            return
        if self.type in _NO_FILES:
            self._set_repository(folder, d)
        else:
            self.localfile = (
                self.parm.get("downloadfilename") or self.basename or self.host + self.path.replace("/", ".")
            )
            self.basename = os.path.basename(self.localfile)
            self.localpath = os.path.join(folder, self.localfile)
        self.localpath = self.parm.get("localpath") or self.localpath
        self.donestamp, self.lockfile = self.localpath + ".done", self.localpath + ".lock"

    def _set_local(self, d):
        if "*" in self.path:
            raise ParameterError("patterns are not understood; name a folder instead", self.url)
        self.searchpaths = _local_places(self.path, d)
        there = (one for one in self.searchpaths if os.path.exists(one))
        self.localpath = self.parm.get("localpath") or next(there, self.searchpaths[-1])

    def _set_repository(self, folder, d):
        name = self.host.replace(":", ".") + self.path
        for before, after in (("/", "."), ("*", "."), (" ", "_"), ("(", "_"), (")", "_")):
            name = name.replace(before, after)
        name = name.removeprefix(".")
        if self.parm.get("rebaseable") == "1":
            name += "_" + self.revision_of(d)
        self.clonedir = self.localpath = os.path.join(
            d.getVar("GITDIR") or os.path.join(folder, "git2"), name
        )
        self.localfile = self.clonedir
        if self.type in ("git", "gitsm", "gitannex"):
            if (
                not self.parm.get("branch")
                and self.parm.get("nobranch") != "1"
                and self.parm.get("usehead") != "1"
            ):
                raise ParameterError("it says neither `branch=` nor `nobranch=1`", self.url)
            self._set_archives(name, folder, d)

    def _set_archives(self, name, folder, d):
        self.mirrortarballs = ["git2_%s.tar.gz" % name]
        self.fullmirror = os.path.join(folder, self.mirrortarballs[0])
        made = d.getVar("BB_GENERATE_MIRROR_TARBALLS") or "0"
        self.write_tarballs = made != "0" or self.parm.get("rebaseable") == "1"
        self.write_shallow_tarballs = (d.getVar("BB_GENERATE_SHALLOW_TARBALLS") or made) != "0"
        self.shallow = shallow.names(self, name, d)
        if self.shallow:
            self.shallowtarball = self.shallow
            self.fullshallow = os.path.join(folder, self.shallow)
            self.mirrortarballs.insert(0, self.shallow)

    def _set_checksums(self, d):
        for kind in CHECKSUM_LIST:
            plain = kind + "sum"
            own = "%s.%s" % (self.parm["name"], plain) if "name" in self.parm else plain
            expected = None
            if own in self.parm or plain in self.parm:
                own = own if own in self.parm else plain
                expected = self.parm[own]
            elif self.type in _SUMMED:
                expected = d.getVarFlag("SRC_URI", own)
            setattr(self, kind + "_name", own)
            setattr(self, kind + "_expected", expected)

    def declared_checksums(self):
        """What SRC_URI's flags say, by their names."""
        found = {getattr(self, kind + "_name"): getattr(self, kind + "_expected") for kind in CHECKSUM_LIST}
        return {name: value for name, value in found.items() if value and name not in self.parm}

    def revision_of(self, d):
        if self._revision is None:
            self._revision = revisions.revision(self, d)
        return self._revision

    @property
    def revision(self):
        return self._revision

    def setup_revisions(self, d):
        self.revision_of(d)

    def setup_localpath(self, d):
        pass


def _local_places(path, d):
    """Where a `file://` entry is looked for, in order; the last is where it would be put."""
    if path.startswith("/"):
        return [path]
    _, tried = bb.utils.which(d.getVar("FILESPATH") or "", path, history=True)
    return tried or [path]


class Fetch:
    """The entries of SRC_URI (or of `urls`)."""

    def __init__(self, urls, d, cache=True, localonly=False, connection_cache=None):
        if localonly and cache:
            raise Exception("bb.fetch2.Fetch: `cache` and `localonly` exclude each other")
        self.d = d
        self.urls = list(urls) or (d.getVar("SRC_URI") or "").split()
        self.ud = {url: FetchData(url, d, localonly) for url in self.urls}
        self.connection_cache = connection_cache

    def checkstatus(self, urls=None):
        """Raises FetchError unless each entry is at its place or on one of its mirrors."""
        before, after = (mirror_from_string(self.d.getVar(name)) for name in ("PREMIRRORS", "MIRRORS"))
        for url in urls or self.urls:
            ud = self._data(url)
            tried = []
            for place in self._places(ud, before, after):
                tried.append(place.url)
                if place.method.checkstatus(self, place, self.d):
                    break
            else:
                raise FetchError("it is at none of %s" % " ".join(tried), url)

    def _places(self, ud, before, after):
        """Made as they are asked for: what is found first needs no other."""
        yield from build_mirroruris(ud, before, self.d)[1]
        yield ud
        yield from build_mirroruris(ud, after, self.d)[1]

    def _data(self, url):
        if url not in self.ud:
            self.ud[url] = FetchData(url, self.d)
        return self.ud[url]

    def localpath(self, url):
        return self._data(url).localpath

    def localpaths(self):
        return [self.ud[url].localpath for url in self.urls]

    def expanded_urldata(self, urls=None):
        return [self.ud[url] for url in urls or self.urls]

    def download(self, urls=None):
        """Brings the entries to DL_DIR. Raises BBFetchException."""
        wanted = urls or self.urls
        if wanted:
            program.run("fetch", self, wanted)

    def unpack(self, root, urls=None):
        """Unpacks what was fetched below `root`. Raises BBFetchException."""
        wanted = urls or self.urls
        if wanted:
            program.run("unpack", self, wanted, ["--into", root])

    def clean(self, urls=None):
        """Removes what DL_DIR has of the entries."""
        wanted = [url for url in urls or self.urls if self._data(url)]
        if wanted:
            program.run("clean", self, wanted)

    def unpack_update(self, root, urls=None):
        for url in urls or self.urls:
            self.ud[url].method.unpack_update(self.ud[url], root, self.d)


def _answers(question, *arguments):
    try:
        question(*arguments)
    except BBFetchException:
        return False
    return True


def trusted_network(d, url):
    """BB_ALLOWED_NETWORKS, or its flag for the recipe: names, with `*.` in front for those below too. Without it, all."""
    if bb.utils.to_boolean(d.getVar("BB_NO_NETWORK")):
        return True
    own = d.getVarFlag("BB_ALLOWED_NETWORKS", d.getVar("PN"), False) if d.getVar("PN") else None
    allowed = (own or d.getVar("BB_ALLOWED_NETWORKS") or "").lower().split()
    host = decodeurl(url)[1].partition(":")[0].lower()
    return (
        not allowed
        or not host
        or any(host == one or one.startswith("*.") and ("." + host).endswith(one[1:]) for one in allowed)
    )


def check_network_access(d, info, url):
    """Raises NetworkAccess or UntrustedUrl."""
    if bb.utils.to_boolean(d.getVar("BB_NO_NETWORK")):
        raise NetworkAccess(url, info)
    if not trusted_network(d, url):
        raise UntrustedUrl(url)


def localpath(url, d):
    return Fetch([url], d).localpath(url)


def get_checksum_file_list(d):
    """`PATH:True` or `PATH:False` of every place where a local source is looked for, up to the one that has it."""
    shown = []
    for url in (d.getVar("SRC_URI") or "").split():
        if not url.startswith("file:"):
            continue
        one = FetchData(url, d)
        shown += ["%s:%s" % (place, os.path.exists(place)) for place in one.searchpaths]
        if not os.path.exists(one.localpath):
            bb.fatal(
                "%s: no file for the SRC_URI entry '%s'; these places were searched:\n%s"
                % (d.getVar("PN"), one.url, "\n".join(one.searchpaths))
            )
    return " ".join(shown)


def get_srcrev(d, method_name="sortable_revision"):
    """The revision for a version; there has to be one."""
    found = revisions.version(d)
    if not found:
        raise FetchError("SRCREV is asked for, and SRC_URI has no source with a revision")
    return found


def get_pkgv_string(d, method_name="sortable_revision"):
    """As get_srcrev; empty when there is none."""
    return revisions.version(d)


def get_hashvalue(d, method_name="sortable_revision"):
    """The revisions of all sources: what a signature has to know of them."""
    return " ".join(commit for _, commit in revisions.sources(d))


def revision_words(d):
    """`NAME=COMMIT` of each git source that says which it has, for `tsbake-fetch`."""
    found = {}
    for url in (d.getVar("SRC_URI") or "").split():
        if not url.startswith("git"):
            continue
        one = FetchData(url, d)
        try:
            revisions.specified(one, d)
        except FetchError:
            # do_fetch says what is missing, and where: a recipe that nobody builds stops nothing.
            continue
        found[one.name] = one.revision_of(d)
    return " ".join("%s=%s" % pair for pair in sorted(found.items()))


def get_fetcher_environment(d):
    """Variables that programs which fetch should see."""
    caller = d.getVar("BB_ORIGENV", False)
    values = {name: d.getVar(name) or (caller and caller.getVar(name)) for name in FETCH_EXPORT_VARS}
    return {name: value for name, value in values.items() if value}
