/**
 * What events touched is read again, and nothing else: ids are gathered while a request is under way, and the next
 * request asks for all of them at once. So the page never computes a status of its own, and a burst costs few requests.
 */

const MOST_AT_ONCE = 200; // as many ids as the server takes in one question

export class Touched {
  private readonly waiting = new Set<string>();
  private isUnderWay = false;
  private readonly load: (ids: string[]) => Promise<void>;

  constructor(load: (ids: string[]) => Promise<void>) {
    this.load = load;
  }

  /** Notes what was touched; resolves when nothing more waits, for tests. */
  async add(ids: Iterable<string>): Promise<void> {
    for (const id of ids) this.waiting.add(id);
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    try {
      while (this.waiting.size > 0) await this.loadSome();
    } finally {
      this.isUnderWay = false;
    }
  }

  private async loadSome(): Promise<void> {
    const ids = [...this.waiting].slice(0, MOST_AT_ONCE);
    for (const id of ids) this.waiting.delete(id);
    try {
      await this.load(ids);
    } catch {
      // The server is away. When it is back, the stream goes on behind its cursor or says to read everything anew.
    }
  }
}
