/** Bands of the determinism score, as seed and server have them. */
import type { Band } from "../api/determinism";

export const BANDS: Record<Band, { name: string; range: string; glyph: string; color: string }> = {
  highly_deterministic: { name: "Highly deterministic", range: "90–100", glyph: "●", color: "green" },
  moderately_deterministic: { name: "Moderately deterministic", range: "70–89", glyph: "◕", color: "yellow" },
  low_determinism: { name: "Low determinism", range: "50–69", glyph: "◑", color: "orange" },
  highly_non_deterministic: { name: "Highly non-deterministic", range: "0–49", glyph: "○", color: "red" },
};

/** Returns the band that a score is in. */
export function bandOf(score: number): Band {
  if (score >= 90) return "highly_deterministic";
  if (score >= 70) return "moderately_deterministic";
  return score >= 50 ? "low_determinism" : "highly_non_deterministic";
}
