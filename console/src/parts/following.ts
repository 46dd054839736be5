/** How a log is asked for again: with a pause for as long as nobody answers, and once more after its job has ended. */

/** How one reading of the stream ended: with the log, without an answer, or for good. */
export type End = "ended" | "broken" | "over";

export class Following {
  private readonly read: () => Promise<End>;
  private readonly pause: () => Promise<void>;
  private isLive: boolean;
  private isOwed: boolean; // what comes between the last byte here and the end of the job
  private isUnderWay = false;

  constructor(isLive: boolean, read: () => Promise<End>, pause: () => Promise<void>) {
    this.isLive = isLive;
    this.isOwed = isLive;
    this.read = read;
    this.pause = pause;
  }

  /** Whether what the reading under way brings is the end: it began after the job's. */
  get isLast(): boolean {
    return !this.isOwed;
  }

  /** Says whether the job goes on; one that runs again is followed again. */
  setLive(isLive: boolean): void {
    this.isLive = isLive;
    if (!isLive) return;
    this.isOwed = true;
    void this.run();
  }

  /** Reads until a reading that began after the job's end has brought what was left; resolves then, for tests. */
  async run(): Promise<void> {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    try {
      await this.readAll();
    } finally {
      this.isUnderWay = false;
    }
  }

  private async readAll(): Promise<void> {
    for (;;) {
      if (!this.isLive) this.isOwed = false;
      const end = await this.read();
      if (end === "over") return;
      if (end === "ended" && this.isLast) return;
      if (end === "broken" || this.isLive) await this.pause();
    }
  }
}
