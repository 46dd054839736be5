/**
 * What a call was given, where nobody told what its parameters are called: `{"args": […], "kwargs": {…}}`, as the SDK and
 * others have it of a function whose signature they cannot read, and of what a program says by itself.
 */
import type { Entry, Json } from "./parse";

export interface Given {
  readonly args: readonly Json[];
  readonly kwargs: readonly Entry[];
  /** Whether there was more of either. */
  readonly isCut: boolean;
}

/** Returns what was given by place and by name; null where a value says something else. */
export function givenOf(value: Json): Given | null {
  if (value.is !== "object") return null;
  let args: readonly Json[] | null = null;
  let kwargs: readonly Entry[] | null = null;
  let isCut = value.isCut;
  for (const { key, value: inner } of value.entries) {
    const name = key.is === "string" ? key.text : "";
    if (name === "args" && inner.is === "list") args = inner.items;
    else if (name === "kwargs" && inner.is === "object") kwargs = inner.entries;
    else return null;
    isCut ||= inner.isCut;
  }
  return args === null && kwargs === null ? null : { args: args ?? [], kwargs: kwargs ?? [], isCut };
}

/** Returns what was given where it is one value alone, by its place; null where it is none, or more. */
export function loneArgument(value: Json): Json | null {
  const given = givenOf(value);
  const [alone, ...others] = given?.args ?? [];
  return alone && others.length === 0 && given?.kwargs.length === 0 ? alone : null;
}
