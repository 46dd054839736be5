/** The words for replay levels, divergences, causes and reasons. */
import type { ComparedRow, Divergence, Replay } from "../../../api/replays";

export const LEVELS: Record<Replay["level"], { name: string; does: string }> = {
  self_check: { name: "Self-check", does: "verifies the recording; executes nothing" },
  compare: { name: "Compare", does: "aligns two recorded runs; executes nothing" },
  re_execute: { name: "Re-execute", does: "executed the program again, with its calls answered from the recording" },
  reported: { name: "Reported", does: "agentsentinel-sdk replayed the run in its own process" },
};

export const KIND_NAMES: Record<string, string> = {
  action_name_mismatch: "Action name mismatch",
  input_mismatch: "Input mismatch",
  output_mismatch: "Output mismatch",
  error_mismatch: "Error mismatch",
  order_changed: "Order changed",
  missing_action: "Missing action",
  extra_action: "Extra action",
};

export const KIND_MEANINGS: Record<string, string> = {
  action_name_mismatch: "A different action was called",
  input_mismatch: "Same action, different inputs",
  output_mismatch: "Same inputs, different outputs: non-deterministic",
  error_mismatch: "Same inputs; it failed in one run alone, or failed otherwise",
  order_changed: "The same call, earlier or later",
  missing_action: "The replay did not call it",
  extra_action: "The original did not call it",
};

/** Causes by source; see the guide on replays. */
export const CAUSES: Record<string, string> = {
  hash_seed: "The order of sets, and what hashes decide.",
  clock: "The clock.",
  uuid: "New UUIDs.",
  random: "Random numbers.",
  environment: "The process: its id, its host, temporary names.",
  task_order: "The order in which calls that run side by side end.",
  file_listing: "The order in which directories are listed.",
  several: "Several sources at once.",
  external_state: "Something outside of the program that was not recorded.",
  code: "The program's own code is not that of the recording.",
  dependency_version: "An installed package has another version than when it was recorded.",
  code_or_dependencies: "The code, its packages or its settings are not those of the recording.",
};

export const REASONS: Record<string, string> = {
  run_incomplete: "The run has not ended.",
  code_missing: "Titan does not have the code of this run.",
  code_untrusted: "The run was imported. Read its code, then: titan runs trust RUN.",
  nothing_recorded: "The run has no recorded calls.",
  recording_changed: "The recording is not what was recorded, or a part of it is gone.",
  entries_lost: "Entries were lost before they were recorded.",
  calls_unfinished: "Calls have no end: their process was killed, or the report was lost.",
  outputs_missing: "Outputs were not recorded: content capture was off, or the source does not report them.",
  outputs_cut: "Outputs are too large and were cut.",
  outputs_opaque: "Outputs are objects of which only the repr is known.",
  outputs_redacted: "Outputs hold a secret, which is not stored.",
  outputs_unreadable: "Outputs cannot be decoded.",
  side_effects: "Calls with side effects: a replay answers them from the recording and does not repeat them.",
  parents_missing: "The actions that made these were not recorded; they are compared at the top level.",
};

export const STATUS_WORDS: Record<ComparedRow["status"], string> = {
  match: "✅ Match",
  diverged: "❌ Diverged",
  unknown: "– Not recorded",
};

export const REMARKS: Record<string, string> = {
  float_drift: "Floats differ by less than 1e-9 and count as equal",
  redacted: "Redacted parts were not compared",
};

/** Returns the name of a divergence: `search → fetch`, or its only name. */
export function divergenceName({ action, replay_action: other }: Divergence): string {
  return other !== null && other !== action ? `${action} → ${other}` : action;
}

/** Returns the text of a cell: `input: "Hello"`. */
export function cellText({ part }: ComparedRow, text: string | null): string | null {
  return text === null || part === "call" ? text : `${part}: ${text}`;
}
