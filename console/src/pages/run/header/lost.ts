/** Entries of a run that its program recorded and the server never got, as the events that tell of them say. */
import type { BodiesView } from "../../../api/recordedRun";
import type { Row } from "../../../api/recording";

const NAME = "titan.entries_lost"; // the SDK's event

export function tellsOfLoss(row: Pick<Row, "kind" | "name">): boolean {
  return row.kind === "event" && row.name === NAME;
}

/** Returns how many entries these events say were lost; one at least for each, also where its words were not kept. */
export function lostIn(told: readonly (Pick<BodiesView, "outputs"> | null)[]): number {
  return told.reduce((sum, one) => sum + Math.max(1, countIn(one?.outputs?.text ?? "")), 0);
}

function countIn(text: string): number {
  return Number(/\d[\d,]*/.exec(text)?.[0].replaceAll(",", "") ?? 0);
}
