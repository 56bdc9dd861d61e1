/** The umask of the embedded interpreter: its file system gives every file that it makes the mode that was asked for. */

/** The part of Emscripten's FS that makes things. */
export interface MakingFiles {
  open(path: unknown, flags: unknown, mode?: number): unknown;
  mkdir(path: string, mode?: number): unknown;
  chmod(path: string, mode: number): void;
}

/** O_CREAT. */
const CREATE = 0o100;
const FILE_MODE = 0o666;
const FOLDER_MODE = 0o777;

/** @param mask asked for whenever something is made */
export function applyUmask(files: MakingFiles, mask: () => number): void {
  const [open, mkdir] = [files.open.bind(files), files.mkdir.bind(files)];
  files.open = (path, flags, mode = FILE_MODE) => {
    const isMade = typeof flags === "string" || (Number(flags) & CREATE) !== 0;
    return open(path, flags, isMade ? mode & ~mask() : mode);
  };
  files.mkdir = (path, mode = FOLDER_MODE) => {
    const wanted = mode & ~mask();
    const made = mkdir(path, wanted);
    // The kernel takes away what is in the umask of this process, which may be the narrower one.
    if ((wanted & process.umask()) !== 0) files.chmod(path, wanted);
    return made;
  };
}
