/** Keys under which the server performs a change once, however often it is sent. */
import { Refusal } from "./refusal";

/** A key for a change. `crypto.randomUUID` exists only where the page came by https or from this machine; this does everywhere. */
export function onceKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The keys of changes whose answers did not come: whoever asks for the same again asks under the same key. */
export class OnceKeys {
  private readonly kept = new Map<string, string>(); // by what is asked, as JSON

  /** Performs `what` under its key, which is done with once the server answered, be it with a refusal. */
  async perform<What, Answer>(what: What, perform: (key: string) => Promise<Answer>): Promise<Answer> {
    const asked = JSON.stringify(what) ?? "";
    const key = this.kept.get(asked) ?? onceKey();
    this.kept.set(asked, key);
    try {
      const answer = await perform(key);
      this.kept.delete(asked);
      return answer;
    } catch (error) {
      if (error instanceof Refusal) this.kept.delete(asked);
      throw error;
    }
  }
}
