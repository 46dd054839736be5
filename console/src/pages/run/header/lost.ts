import type { Row } from "../../../api/recording";

const NAME = "titan.entries_lost"; // the SDK's event

/** Returns whether a row tells that entries of its run never came here. */
export function tellsOfLoss(row: Pick<Row, "kind" | "name">): boolean {
  return row.kind === "event" && row.name === NAME;
}
