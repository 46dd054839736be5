/** Ascending whole numbers below 2^32, 4 bytes each; it grows without copying what it has. */

const SEGMENT = 1 << 16;

export class Numbers {
  private readonly segments: Uint32Array[] = [];
  length = 0;

  push(value: number): void {
    const place = this.length & (SEGMENT - 1);
    if (place === 0) this.segments.push(new Uint32Array(SEGMENT));
    (this.segments[this.length >>> 16] as Uint32Array)[place] = value;
    this.length += 1;
  }

  at(index: number): number {
    return (this.segments[index >>> 16] as Uint32Array)[index & (SEGMENT - 1)] as number;
  }

  /** Returns how many of them are at most `value`. */
  placeBehind(value: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) <= value) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
