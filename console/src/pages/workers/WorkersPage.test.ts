import { expect, test } from "vitest";
import type { Worker } from "../../api/types";
import { capacityOf } from "./WorkersPage";

function aWorker(state: Worker["state"], offers: Record<string, number>, busy: Record<string, number> = {}): Worker {
  return { state, offers, busy } as unknown as Worker;
}

test("slots of all connected workers are added up, and what is wanted and missing stands first", () => {
  const workers = [
    aWorker("connected", { GENERAL: 4, PYTHON: 2 }, { GENERAL: 3 }),
    aWorker("connected", { GENERAL: 2 }),
    aWorker("draining", { GPU: 1 }),
    aWorker("lost", { GPU: 8 }),
  ];

  expect(capacityOf(workers, { GPU: 2 })).toEqual([
    { label: "GPU", slots: 0, busy: 0, waiting: 2 },
    { label: "GENERAL", slots: 6, busy: 3, waiting: 0 },
    { label: "PYTHON", slots: 2, busy: 0, waiting: 0 },
  ]);
});

test("with nobody and nothing there is nothing", () => {
  expect(capacityOf([], {})).toEqual([]);
});
