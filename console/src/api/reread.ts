/** Asks for a whole answer again when events touched it: at most every `pauseMs`, and never over a request under way. */

export class Reread {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private last = Number.NEGATIVE_INFINITY;
  private isUnderWay = false;
  private isWanted = false;
  private isStopped = false;
  private readonly read: () => Promise<boolean>;
  private readonly pauseMs: number;

  /** `read` resolves when the answer is there: to false where it was asked for earlier, so may be older than the event. */
  constructor(read: () => Promise<boolean>, pauseMs: number) {
    this.read = read;
    this.pauseMs = pauseMs;
  }

  want(): void {
    this.isWanted = true;
    if (this.isUnderWay || this.isStopped) return;
    this.timer ??= setTimeout(() => void this.run(), Math.max(0, this.last + this.pauseMs - performance.now()));
  }

  /** Returns whether an answer was wanted that has not come, and now comes no more. */
  stop(): boolean {
    this.isStopped = true;
    clearTimeout(this.timer);
    return this.isWanted || this.isUnderWay;
  }

  private async run(): Promise<void> {
    this.timer = undefined;
    this.last = performance.now();
    this.isUnderWay = true;
    this.isWanted = false;
    const isFresh = await this.read().catch(() => true); // what went wrong the page shows itself
    this.isUnderWay = false;
    if (this.isWanted || !isFresh) this.want();
  }
}
