/**
 * Files that are computed over all packages of a root, by triggers and scripts of packages. One that was made over an extension alone
 * hides the base's, and with it what the base has; one that was made over base and extension may hide it. Where an extension
 * brings what such a file is made of and not the file, whoever reads the file does not find it.
 */
import { pathMatcher } from "./rules.js";

export interface DerivedFile {
  /** Path patterns of the file, of all of them where there are several. */
  readonly files: readonly string[];
  /** What it is made of, where something does not work without it. */
  readonly from?: {
    readonly sources: readonly string[];
    /** Who reads it: one of these is there, or nobody misses it. */
    readonly readers: readonly string[];
    /** A text without which a source adds nothing. */
    readonly mentions?: string;
    /** Whether the sources are nothing at all without it. */
    readonly isVital: boolean;
    /** What is missing, for people. */
    readonly what: string;
  };
}

export const DERIVED: readonly DerivedFile[] = [
  { files: ["/usr/lib/*/gconv/gconv-modules.cache"] },
  {
    files: ["/usr/lib/*/gdk-pixbuf-2.0/*/loaders.cache"],
    from: {
      sources: ["/usr/lib/*/gdk-pixbuf-2.0/*/loaders/*.so"],
      readers: ["/usr/lib/*/libgdk_pixbuf-2.0.so.0"],
      isVital: true,
      what: "the image format",
    },
  },
  // GLib loads modules that are newer than the cache or not in it, too.
  { files: ["/usr/lib/*/gio/modules/giomodule.cache"] },
  {
    files: ["/usr/lib/*/gtk-*/*/immodules.cache"],
    from: {
      sources: ["/usr/lib/*/gtk-*/*/immodules/*.so"],
      readers: ["/usr/lib/*/libgtk-*.so.0"],
      isVital: false,
      what: "the input method",
    },
  },
  { files: ["/usr/lib/fontconfig/cache/**"] },
  { files: ["/usr/lib/locale/locale-archive"] },
  {
    files: [
      "/usr/lib/modules/*/modules.dep",
      "/usr/lib/modules/*/modules.dep.bin",
      "/usr/lib/modules/*/modules.alias",
      "/usr/lib/modules/*/modules.*",
    ],
    from: {
      sources: [
        "/usr/lib/modules/*/**.ko",
        "/usr/lib/modules/*/**.ko.gz",
        "/usr/lib/modules/*/**.ko.xz",
        "/usr/lib/modules/*/**.ko.zst",
      ],
      readers: ["/usr/bin/kmod", "/bin/kmod"],
      isVital: true,
      what: "the module (modprobe)",
    },
  },
  { files: ["/usr/lib/systemd/catalog/database"] },
  {
    files: ["/usr/lib/udev/hwdb.bin"],
    from: {
      sources: ["/usr/lib/udev/hwdb.d/*.hwdb"],
      // Without one that the base has, devices make their own.
      readers: ["/usr/lib/udev/hwdb.bin"],
      isVital: false,
      what: "the properties of devices",
    },
  },
  {
    files: ["/usr/share/applications/mimeinfo.cache"],
    from: {
      sources: ["/usr/share/applications/*.desktop"],
      mentions: "MimeType=",
      readers: ["/usr/share/applications/mimeinfo.cache"],
      isVital: false,
      what: "the MIME types of the application",
    },
  },
  {
    files: ["/usr/share/glib-2.0/schemas/gschemas.compiled"],
    from: {
      sources: [
        "/usr/share/glib-2.0/schemas/*.gschema.xml",
        "/usr/share/glib-2.0/schemas/*.gschema.override",
      ],
      readers: ["/usr/lib/*/libgio-2.0.so.0"],
      isVital: true,
      what: "the settings (GSettings ends a program whose schema is missing)",
    },
  },
  {
    files: ["/usr/share/icons/**/icon-theme.cache"],
    from: {
      sources: ["/usr/share/icons/hicolor/**.png", "/usr/share/icons/hicolor/**.svg"],
      readers: ["/usr/share/icons/hicolor/icon-theme.cache"],
      isVital: false,
      what: "the icon",
    },
  },
  { files: ["/usr/share/info/dir"] },
  {
    files: ["/usr/share/mime/**"],
    from: {
      sources: ["/usr/share/mime/packages/*.xml"],
      readers: ["/usr/share/mime/mime.cache"],
      isVital: false,
      what: "the MIME type",
    },
  },
];

const MATCHERS = DERIVED.flatMap(({ files }) => files).map(pathMatcher);

/** Whether a path is such a file. */
export function isDerived(path: string): boolean {
  return MATCHERS.some((matches) => matches(path));
}
