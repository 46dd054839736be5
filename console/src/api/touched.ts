/**
 * What events touched is read again, and nothing else: ids are gathered while a request is under way, and the next
 * request asks for all of them at once. So the page never computes a status of its own, and a burst costs few requests.
 * An id is forgotten when its answer stands on the page, not before: the stream of events tells it only once.
 */

const MOST_AT_ONCE = 200; // as many ids as the server takes in one question
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;

export class Touched {
  private readonly waiting = new Set<string>();
  private isUnderWay = false;
  private pause: ReturnType<typeof setTimeout> | undefined;
  private pauseMs = FIRST_PAUSE_MS;
  private isResting = false;
  private readonly load: (ids: string[]) => Promise<void>;
  private readonly settled: () => Promise<void> | null;

  /** `settled` tells when a reading of the whole, whose older answer would replace what is loaded, is done; null: none is. */
  constructor(load: (ids: string[]) => Promise<void>, settled: () => Promise<void> | null = () => null) {
    this.load = load;
    this.settled = settled;
  }

  /** How many ids wait to be loaded. */
  get size(): number {
    return this.waiting.size;
  }

  /** Notes what was touched; resolves when nothing more can be loaded now, for tests. */
  async add(ids: Iterable<string>): Promise<void> {
    for (const id of ids) this.waiting.add(id);
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    while (this.waiting.size > 0 && this.pause === undefined && !this.isResting) {
      const reading = this.settled();
      if (reading) await reading;
      else await this.loadSome();
    }
    this.isUnderWay = false;
  }

  /** Loads what failed now, without waiting for the end of the pause. */
  async retry(): Promise<void> {
    clearTimeout(this.pause);
    this.pause = undefined;
    await this.add([]);
  }

  /** Only gathers from now on; what is under way is brought to its end. */
  rest(): void {
    this.isResting = true;
    clearTimeout(this.pause);
    this.pause = undefined;
  }

  /** Loads again, first what was gathered meanwhile. */
  wake(): void {
    this.isResting = false;
    void this.add([]);
  }

  private async loadSome(): Promise<void> {
    const ids = [...this.waiting].slice(0, MOST_AT_ONCE);
    for (const id of ids) this.waiting.delete(id);
    try {
      await this.load(ids);
      this.pauseMs = FIRST_PAUSE_MS;
      if (this.settled()) this.putBack(ids); // a reading that began meanwhile may end with what it found at its beginning
    } catch {
      this.putBack(ids);
      if (this.isResting) return;
      this.pause = setTimeout(() => void this.retry(), this.pauseMs);
      this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
    }
  }

  private putBack(ids: readonly string[]): void {
    for (const id of ids) this.waiting.add(id);
  }
}
