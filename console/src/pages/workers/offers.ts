/** What a new worker is to offer, as it is typed. */

export interface OfferRow {
  label: string;
  slots: string;
}

const MOST_SLOTS = 1024; // as many as the server takes

/** Returns the offers, or what is wrong with them. */
export function offersOf(rows: readonly OfferRow[]): Record<string, number> | string {
  const offers: Record<string, number> = {};
  for (const row of rows) {
    const label = row.label.trim();
    const slots = Number(row.slots);
    if (!label) return "Every line needs a label, such as GENERAL.";
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(label))
      return `“${label}” is no label: letters A to Z and a to z, digits, “_”, “-” and “.” make one.`;
    if (!Number.isInteger(slots) || slots < 1 || slots > MOST_SLOTS) return `${label} needs 1 to ${MOST_SLOTS} slots.`;
    if (label in offers) return `${label} stands there twice.`;
    offers[label] = slots;
  }
  return Object.keys(offers).length > 0 ? offers : "A worker that offers nothing gets no job.";
}

/** The command that starts such a worker on another machine. */
export function joinCommand(origin: string, offers: Record<string, number>): string {
  const words = Object.entries(offers).map(([label, slots]) => `--offer ${label}:${slots}`);
  return ["titan workers join", origin, ...words].join(" ");
}
