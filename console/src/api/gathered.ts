/** Questions for single things, gathered into few requests: a list asks for each of its rows, the server is asked once. */

const MOST_AT_ONCE = 200; // as many ids as the server takes in one question

interface Waiting<Thing> {
  readonly resolve: (thing: Thing | null) => void;
  readonly reject: (error: unknown) => void;
}

export class Gathered<Thing> {
  private waiting = new Map<string, Waiting<Thing>[]>();
  private readonly read: (ids: string[]) => Promise<Thing[]>;
  private readonly idOf: (thing: Thing) => string;

  constructor(read: (ids: string[]) => Promise<Thing[]>, idOf: (thing: Thing) => string) {
    this.read = read;
    this.idOf = idOf;
  }

  /** Resolves to the thing, null where the server knows none; what is asked for in one turn goes into one request. */
  load(id: string): Promise<Thing | null> {
    if (this.waiting.size === 0) setTimeout(() => this.ask());
    return new Promise((resolve, reject) => {
      this.waiting.set(id, [...(this.waiting.get(id) ?? []), { resolve, reject }]);
    });
  }

  private ask(): void {
    const asked = [...this.waiting];
    this.waiting = new Map();
    for (let from = 0; from < asked.length; from += MOST_AT_ONCE)
      void this.answer(asked.slice(from, from + MOST_AT_ONCE));
  }

  private async answer(asked: readonly (readonly [string, Waiting<Thing>[]])[]): Promise<void> {
    try {
      const things = new Map((await this.read(asked.map(([id]) => id))).map((thing) => [this.idOf(thing), thing]));
      for (const [id, all] of asked) for (const { resolve } of all) resolve(things.get(id) ?? null);
    } catch (error) {
      for (const [, all] of asked) for (const { reject } of all) reject(error);
    }
  }
}
