/**
 * Terminal output as styled text: colours, bold, dim, italic, underline and inverse. Other control sequences are
 * dropped. Text stays text, so a log cannot inject markup. Pure and line by line, so only visible lines are parsed.
 */

/** The style that continues on the next line. */
export interface AnsiState {
  readonly fg: Colour | null;
  readonly bg: Colour | null;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly italic: boolean;
  readonly underline: boolean;
  readonly strike: boolean;
  readonly inverse: boolean;
}

export interface AnsiSpan {
  readonly text: string;
  /** The inline style; absent for plain text. */
  readonly style?: AnsiStyle;
}

export interface AnsiStyle {
  color?: string;
  backgroundColor?: string;
  fontWeight?: number;
  fontStyle?: "italic";
  opacity?: number;
  textDecoration?: string;
}

export const PLAIN: AnsiState = {
  fg: null,
  bg: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
};

const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
type Colour = (typeof COLOURS)[number] | "grey";

// The theme's colours, which are readable in light and dark; a terminal's would not be.
const INK: Record<Colour, string> = {
  black: "var(--text)",
  red: "var(--red)",
  green: "var(--green)",
  yellow: "var(--amber)",
  blue: "var(--blue)",
  magenta: "var(--purple)",
  cyan: "light-dark(#0a5c6b, #7fd4e3)",
  white: "var(--text)",
  grey: "var(--text-faint)",
};
const GROUND: Record<Colour, string> = {
  black: "var(--grey-ground)",
  red: "var(--red-ground)",
  green: "var(--green-ground)",
  yellow: "var(--amber-ground)",
  blue: "var(--blue-ground)",
  magenta: "var(--purple-ground)",
  cyan: "light-dark(#dcf2f6, #0f2f36)",
  white: "var(--grey-ground)",
  grey: "var(--grey-ground)",
};

const ESC = String.fromCharCode(0x1b);
const BEL = String.fromCharCode(0x07);
const CONTROL = String.raw`[\x00-\x08\x0a-\x1f\x7f-\x9f]`; // all but the tab
const MARKS = new RegExp(
  [
    String.raw`${ESC}\[([0-?]*)[ -/]*([@-~])?`, // sequences with parameters; those that end in m set colours
    String.raw`${ESC}\][^${BEL}${ESC}]*(?:${BEL}|${ESC}\\)?`, // titles and links
    String.raw`${ESC}[PX^_][^${ESC}]*(?:${ESC}\\)?`,
    `${ESC}[ -/]*[0-~]?`,
    CONTROL,
  ].join("|"),
  "g",
);
const ANY_MARK = new RegExp(CONTROL);
const STYLES = new RegExp(String.raw`${ESC}\[[0-9;:]*m`, "g");

/** Returns the line as styled spans, and the style at its end. */
export function parseAnsi(line: string, state: AnsiState = PLAIN): { spans: AnsiSpan[]; state: AnsiState } {
  const shown = lastWritten(line);
  if (!ANY_MARK.test(shown)) return { spans: shown ? [spanOf(shown, state)] : [], state };
  const spans: AnsiSpan[] = [];
  let now = state;
  let text = "";
  let from = 0;
  for (const mark of shown.matchAll(MARKS)) {
    text += shown.slice(from, mark.index);
    from = mark.index + mark[0].length;
    if (mark[2] !== "m") continue;
    if (text) spans.push(spanOf(text, now));
    text = "";
    now = styled(now, mark[1] ?? "");
  }
  text += shown.slice(from);
  if (text) spans.push(spanOf(text, now));
  return { spans, state: now };
}

/** Returns the line without control sequences, for search and copying. */
export function stripAnsi(line: string): string {
  const shown = lastWritten(line);
  return ANY_MARK.test(shown) ? shown.replace(MARKS, "") : shown;
}

/** Returns what a terminal shows of a line with carriage returns: the text after the last one. */
function lastWritten(line: string): string {
  if (!line.includes("\r")) return line;
  const parts = line.split("\r").filter(Boolean);
  const last = parts.at(-1) ?? "";
  // Overwritten styles still apply.
  return parts.length > 1 ? (parts.slice(0, -1).join("").match(STYLES)?.join("") ?? "") + last : last;
}

function styled(state: AnsiState, parameters: string): AnsiState {
  const codes = parameters.split(/[;:]/).map((code) => Number(code) || 0);
  let now = state;
  for (let at = 0; at < codes.length; at += 1) {
    const code = codes[at] as number;
    if (code === 38 || code === 48) {
      const [colour, used] = extended(codes.slice(at + 1));
      if (colour) now = code === 38 ? { ...now, fg: colour } : { ...now, bg: colour };
      at += used;
    } else {
      now = afterCode(now, code);
    }
  }
  return now;
}

const SWITCHES: Record<number, Partial<AnsiState>> = {
  1: { bold: true },
  2: { dim: true },
  3: { italic: true },
  4: { underline: true },
  7: { inverse: true },
  9: { strike: true },
  21: { underline: true },
  22: { bold: false, dim: false },
  23: { italic: false },
  24: { underline: false },
  27: { inverse: false },
  29: { strike: false },
  39: { fg: null },
  49: { bg: null },
};

function afterCode(state: AnsiState, code: number): AnsiState {
  if (code === 0) return PLAIN;
  const change = SWITCHES[code];
  if (change) return { ...state, ...change };
  const place = code % 10;
  if (place > 7) return state;
  const family = code - place;
  if (family === 30 || family === 90) return { ...state, fg: colourOf(place, family === 90) };
  if (family === 40 || family === 100) return { ...state, bg: colourOf(place, family === 100) };
  return state;
}

function colourOf(place: number, isBright: boolean): Colour {
  return place === 0 && isBright ? "grey" : (COLOURS[place] ?? "white");
}

/** Returns the named colour nearest to `5;n` or `2;r;g;b`, and the number of codes used. */
function extended(codes: readonly number[]): [Colour | null, number] {
  const [kind, first = 0, second = 0, third = 0] = codes;
  if (kind === 2) return [nearest(first, second, third), 4];
  if (kind !== 5) return [null, codes.length];
  if (first < 16) return [colourOf(first % 8, first > 7), 2];
  if (first >= 232) return [first < 244 ? "grey" : "white", 2];
  const cube = first - 16;
  return [nearest(Math.floor(cube / 36) * 51, (Math.floor(cube / 6) % 6) * 51, (cube % 6) * 51), 2];
}

function nearest(red: number, green: number, blue: number): Colour {
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  if (most - least < 40) return most < 64 ? "black" : most < 160 ? "grey" : "white";
  const middle = (most + least) / 2;
  const bits = (red > middle ? 1 : 0) + (green > middle ? 2 : 0) + (blue > middle ? 4 : 0);
  return COLOURS[bits] ?? "white";
}

function spanOf(text: string, state: AnsiState): AnsiSpan {
  const style = styleOf(state);
  return style ? { text, style } : { text };
}

function styleOf(state: AnsiState): AnsiStyle | null {
  if (state === PLAIN) return null;
  const style: AnsiStyle = {};
  // Inverse text keeps its colour on that colour's background: swapped, it would be unreadable.
  const ground = state.inverse ? (state.fg ?? "grey") : state.bg;
  if (state.fg) style.color = INK[state.fg];
  // On another colour's background only the text colour is readable.
  if (ground && state.fg !== ground) style.color = "var(--text)";
  if (ground) style.backgroundColor = GROUND[ground];
  if (state.bold) style.fontWeight = 650;
  if (state.dim && !ground) style.color = "var(--text-faint)";
  if (state.italic) style.fontStyle = "italic";
  const lines = [state.underline && "underline", state.strike && "line-through"].filter(Boolean).join(" ");
  if (lines) style.textDecoration = lines;
  return Object.keys(style).length > 0 ? style : null;
}
