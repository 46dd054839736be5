/**
 * The messages of a conversation with a model, wherever a body has them: a request, an answer, what a function was given.
 * Bodies that hold none are no conversation, and shown as the values that they are.
 */
import { givenOf } from "../json/given";
import { memberOf, opened } from "../json/look";
import type { Entry, Json } from "../json/parse";
import { type Message, messageOf } from "./message";
import { partsOf } from "./parts";

export interface Conversation {
  readonly messages: readonly Message[];
  /** What else the body says: the model, its tools, how warm it is. */
  readonly others: readonly Entry[];
  /** Whether the body was cut off within or behind them. */
  readonly isCut: boolean;
}

const LISTS = ["messages", "input", "contents", "output"] as const;
const CHOICES = ["choices", "candidates"] as const;
const SYSTEMS = ["system", "instructions", "systemInstruction", "system_instruction"] as const;

/** Returns the conversation in a body; null where it is none. */
export function conversationOf(body: Json): Conversation | null {
  const value = opened(body);
  const found = listed(value) ?? inGiven(value) ?? inMembers(value) ?? inChoices(value) ?? alone(value);
  return found && { ...found, messages: withNames(found.messages) };
}

function listed(value: Json): Conversation | null {
  if (value.is !== "list" || value.items.length === 0) return null;
  const messages: Message[] = [];
  for (const [at, item] of value.items.entries()) {
    const message = messageOf(item);
    if (message) messages.push(message);
    else if (!isCutOff(item) || at < value.items.length - 1) return null;
  }
  return messages.length > 0 ? { messages, others: [], isCut: value.isCut } : null;
}

/** Whether a text ended before one could tell that this was a message. */
function isCutOff(item: Json): boolean {
  return item.is === "object" && item.isCut;
}

/** Of a function that was given the messages, alone or among others. */
function inGiven(value: Json): Conversation | null {
  const given = givenOf(value);
  if (!given) return null;
  const named: Json = { is: "object", entries: given.kwargs, isCut: given.isCut };
  if (given.args.length === 0) return inMembers(named);
  const [first, ...more] = given.args;
  const found = first && more.length === 0 ? conversationOf(first) : null;
  return found && { ...found, others: [...found.others, ...given.kwargs], isCut: found.isCut || given.isCut };
}

function inMembers(value: Json): Conversation | null {
  if (value.is !== "object") return null;
  for (const name of LISTS) {
    const list = memberOf(value, name);
    const found = list && listed(list);
    if (!found) continue;
    const others = value.entries.filter(({ key }) => !isNamed(key, name));
    const systems = others.flatMap(({ key, value: inner }) => (isNamed(key, ...SYSTEMS) ? systemOf(inner) : []));
    return {
      messages: [...systems, ...found.messages],
      others: systems.length > 0 ? others.filter(({ key }) => !isNamed(key, ...SYSTEMS)) : others,
      isCut: found.isCut || value.isCut,
    };
  }
  return null;
}

/** Of an answer as OpenAI's and Gemini's APIs give it: a message in each choice. */
function inChoices(value: Json): Conversation | null {
  const choices = memberOf(value, ...CHOICES);
  if (value.is !== "object" || choices?.is !== "list") return null;
  const said = choices.items.map((choice) => memberOf(choice, "message", "content"));
  const found = listed({ is: "list", items: said.filter((message) => message !== null), isCut: choices.isCut });
  if (!found || found.messages.length < choices.items.length) return null;
  return { ...found, others: value.entries.filter(({ key }) => !isNamed(key, ...CHOICES)) };
}

/** Of an answer that is a message itself, with its tokens and model beside it. */
function alone(value: Json): Conversation | null {
  const message = value.is === "object" ? messageOf(value) : null;
  if (!message || value.is !== "object") return null;
  return { messages: [{ ...message, others: [] }], others: message.others, isCut: value.isCut };
}

function systemOf(value: Json): Message[] {
  const parts = partsOf(memberOf(value, "parts") ?? value);
  return parts.length > 0 ? [{ role: "system", name: null, parts, others: [] }] : [];
}

/** Says of each result which tool gave it, as the call before has it: most results only repeat the call's id. */
function withNames(messages: readonly Message[]): Message[] {
  const names = new Map<string, string>();
  return messages.map((message) => {
    for (const part of message.parts) if (part.is === "call" && part.id !== null) names.set(part.id, part.name);
    const parts = message.parts.map((part) =>
      part.is === "result" && part.name === null ? { ...part, name: names.get(part.id ?? "") ?? null } : part,
    );
    return { ...message, parts };
  });
}

function isNamed(key: Json, ...names: readonly string[]): boolean {
  return key.is === "string" && names.includes(key.text);
}
