/** Answers that are believed for a while. */

export class Recent<Value> {
  readonly #known = new Map<string, { readonly value: Value; readonly untilMs: number }>();
  readonly #ms: number;
  readonly #most: number;

  constructor({ ms, most }: { readonly ms: number; readonly most: number }) {
    this.#ms = ms;
    this.#most = most;
  }

  get(name: string): Value | undefined {
    const known = this.#known.get(name);
    return known && known.untilMs > performance.now() ? known.value : undefined;
  }

  /** The oldest gives way. */
  keep(name: string, value: Value): void {
    this.#known.delete(name);
    this.#known.set(name, { value, untilMs: performance.now() + this.#ms });
    if (this.#known.size <= this.#most) return;
    const [oldest] = this.#known.keys();
    this.#known.delete(oldest!);
  }

  forget(name: string): void {
    this.#known.delete(name);
  }
}
