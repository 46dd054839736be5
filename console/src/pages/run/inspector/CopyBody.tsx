import { useState } from "react";
import type { BodyView } from "../../../api/recordedRun";
import { Button } from "../../../parts/Button";
import { bytes } from "../../../parts/format";
import { indented } from "../../../parts/jsonText";
import { complain, say } from "../../../parts/Toasts";

const MOST_BYTES = 20 * 2 ** 20; // beyond, a download serves better than a clipboard

/** Copies the whole of a body as JSON laid out, also where only its beginning is shown. */
export function CopyBody({ body, what }: { body: BodyView; what: string }) {
  const [isBusy, setBusy] = useState(false);
  async function copy(): Promise<void> {
    setBusy(true);
    try {
      const text = body.cut ? await wholeOf(body.cut.url) : body.text;
      await navigator.clipboard.writeText(indented(text) ?? text);
      say(`${what} copied.`);
    } catch (error) {
      complain(error);
    } finally {
      setBusy(false);
    }
  }
  const isTooLarge = (body.cut?.size_bytes ?? 0) > MOST_BYTES;
  return (
    <Button
      kind="quiet"
      busy={isBusy}
      disabled={isTooLarge}
      title={isTooLarge ? `More than ${bytes(MOST_BYTES)}: download it` : `Copy ${what.toLowerCase()} as JSON`}
      onClick={() => void copy()}
    >
      Copy<span className="unseen"> {what.toLowerCase()} as JSON</span>
    </Button>
  );
}

async function wholeOf(url: string): Promise<string> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`HTTP ${answer.status} ${answer.statusText}`.trim());
  return answer.text();
}
