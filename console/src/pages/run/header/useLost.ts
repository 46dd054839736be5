import { useQuery } from "@tanstack/react-query";
import { useBodyReader } from "../../../api/recordedRun";
import type { Row } from "../../../api/recording";
import { lostIn } from "./lost";

const NUMBER_BYTES = 200; // of what an event says: it begins with how many there were

/** Returns how many entries of a run were lost, from the events among its rows that tell of it; undefined until it is known. */
export function useLost(run: string, told: readonly Row[]): number | undefined {
  const reader = useBodyReader(run, NUMBER_BYTES);
  const ids = told.map((row) => row.id);
  return useQuery({
    queryKey: ["lost", run, ids.join(" ")],
    enabled: ids.length > 0,
    staleTime: Number.POSITIVE_INFINITY, // what an event says stays as it is
    placeholderData: (before: number | undefined) => before,
    queryFn: async () => lostIn(await Promise.all(ids.map((id) => reader.load(id)))),
  }).data;
}
