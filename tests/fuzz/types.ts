/** What a run is set up with, and what an area of fuzzing offers. Shapes only. */

export interface Setup {
  readonly area: "metadata" | "archives";
  readonly seed: number;
  /** Folders with real metadata. */
  readonly corpus: readonly string[];
  /** One case in so many runs with the real Python; 0: none. */
  readonly pythonEvery: number;
  /** Of this thread alone; archives are unpacked in it. */
  readonly folder: string;
}

export interface Area {
  /** What a case is, for people; `text` can be made smaller. */
  describe(index: number): { readonly title: string; readonly text: string; readonly canShrink: boolean };
  /** @param text instead of the case's own @returns how it ended @throws for what must not happen */
  run(index: number, text?: string): Promise<string> | string;
}
