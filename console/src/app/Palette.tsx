import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { type KeyboardEvent, useDeferredValue, useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { api } from "../api/client";
import type { RunView } from "../api/types";
import { Status } from "../components/badges";
import { Dialog } from "../components/Dialog";
import { Time } from "../components/Time";
import { agentPath, dagPath, runPath } from "../components/url";
import { NAV_ITEMS } from "./navigation";
import { chooseTheme } from "./theme";

interface Choice {
  key: string;
  name: string;
  about: string;
  /** The submission time, to distinguish equal names. */
  at?: string;
  status?: string;
  act: () => void;
  /** Whether it is found without the server, so it always matches the input. */
  isOwn?: boolean;
}

const MOST = 6; // of each kind

/**
 * The command palette (Ctrl K): finds pages, runs, agents, DAGs and jobs by name, and runs by content. Arrows select,
 * Enter opens. While an answer is loading the list matches an earlier input, so Enter waits, unless a row was selected.
 */
export function Palette({ onClose }: { onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const [isPicked, setPicked] = useState(false);
  const [isWaiting, setWaiting] = useState(false);
  const { choices, isAnswered } = useChoices(typed.trim(), onClose);
  useEffect(() => {
    if (!isWaiting || !isAnswered) return;
    setWaiting(false);
    choices[0]?.act();
  }, [isWaiting, isAnswered, choices]);
  function pick(item: number): void {
    setAt(item);
    setPicked(true);
    setWaiting(false);
  }
  function onKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) pick(choices.length ? (at + step + choices.length) % choices.length : 0);
    else if (event.key !== "Enter") return;
    else if (isAnswered || isPicked || choices[at]?.isOwn) choices[at]?.act();
    else setWaiting(true);
    event.preventDefault();
  }
  return (
    <Dialog title="Go to" onClose={onClose} wide>
      <input
        className="field"
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls="choices"
        aria-activedescendant={choices[at] ? `choice-${at}` : undefined}
        aria-label="A page, run, agent, DAG or job"
        placeholder="A page, run, agent, DAG or job"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
          setPicked(false);
          setWaiting(false);
        }}
        onKeyDown={onKey}
      />
      <div id="choices" role="listbox" aria-label="Found" aria-busy={!isAnswered} className="choices">
        {choices.map((choice, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys
          <div
            key={choice.key}
            id={`choice-${index}`}
            role="option"
            aria-selected={index === at}
            className="choice"
            onClick={choice.act}
            onMouseMove={() => pick(index)}
          >
            <span className="truncate" dir="auto">
              {choice.name}
            </span>
            <span className="faint truncate">
              {choice.about}
              {choice.at ? (
                <>
                  {" · "}
                  <Time at={choice.at} />
                </>
              ) : null}
            </span>
            {choice.status ? <Status of={choice.status} /> : null}
          </div>
        ))}
        {choices.length === 0 ? <p className="faint">{isAnswered ? "No matches." : "Loading …"}</p> : null}
      </div>
    </Dialog>
  );
}

/** Returns the choices, and whether they match the current input. */
function useChoices(typed: string, onClose: () => void): { choices: Choice[]; isAnswered: boolean } {
  const navigate = useNavigate();
  function to(path: string): () => void {
    return () => {
      onClose();
      navigate(path);
    };
  }
  const asked = useDeferredValue(typed);
  const { found, isFound } = useFound(asked);
  const isAnswered = asked === typed && isFound;
  const words = typed.toLowerCase();
  const items = NAV_ITEMS.filter((item) => `${item.name} ${item.about}`.toLowerCase().includes(words)).map(
    (item): Choice => ({ key: item.path, name: item.name, about: item.about, act: to(item.path), isOwn: true }),
  );
  const themes = (["light", "dark", "system"] as const)
    .filter((theme) => words && `theme ${theme}`.includes(words))
    .map(
      (theme): Choice => ({
        key: `theme-${theme}`,
        name: `Theme: ${theme}`,
        about: "Appearance",
        isOwn: true,
        act: () => {
          chooseTheme(theme);
          onClose();
        },
      }),
    );
  if (!typed) return { choices: items, isAnswered: true };
  const named = new Set(found?.named.map((run) => run.run_id));
  function recorded(run: RunView): Choice {
    return {
      key: `recorded-${run.run_id}`,
      name: run.run_id,
      about: `${named.has(run.run_id) ? "run" : "text in a run"} of ${run.agent_id}`,
      at: run.started_at,
      status: run.status,
      act: to(runPath(run.run_id)),
    };
  }
  const choices = [
    ...items,
    ...themes,
    ...(found?.named ?? []).map(recorded),
    ...(found?.agents ?? []).map(
      ({ agent_id }): Choice => ({
        key: `agent-${agent_id}`,
        name: agent_id,
        about: "agent",
        act: to(agentPath(agent_id)),
      }),
    ),
    ...(found?.dags ?? []).map(
      (dag): Choice => ({
        key: dag.dag_id,
        name: dag.name,
        about: "DAG",
        at: dag.submitted_at,
        status: dag.status,
        act: to(dagPath(dag)),
      }),
    ),
    ...(found?.jobs ?? []).map(
      (job): Choice => ({
        key: job.job_id,
        name: job.name,
        about: `job of ${job.dag_name}`,
        at: job.submitted_at,
        status: job.status,
        act: to(dagPath({ name: job.dag_name, dag_id: job.dag_id }, job.job_id)),
      }),
    ),
    ...(found?.worded ?? []).filter((run) => !named.has(run.run_id)).map(recorded),
  ];
  return { choices, isAnswered };
}

function useFound(q: string) {
  const { data, isPlaceholderData, isPending } = useQuery({
    queryKey: ["palette", q],
    enabled: q.length > 1,
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }) => {
      const params = { query: { q, limit: MOST } };
      const everyOrigin = { query: { q, limit: MOST, origin: "all" } } as const;
      const recordedQuery = { q, limit: MOST, window: "all", origin: "all" } as const;
      const [named, worded, agents, dags, jobs] = await Promise.all([
        api.GET("/api/v1/runs", { params: { query: { ...recordedQuery, names_only: true } }, signal }),
        api.GET("/api/v1/runs", { params: { query: recordedQuery }, signal }),
        api.GET("/api/v1/agents", { params: everyOrigin, signal }),
        api.GET("/api/dags", { params: everyOrigin, signal }),
        api.GET("/api/jobs", { params, signal }),
      ]);
      return {
        named: named.data?.data ?? [],
        worded: worded.data?.data ?? [],
        agents: agents.data?.data ?? [],
        dags: dags.data?.dags ?? [],
        jobs: jobs.data?.jobs ?? [],
      };
    },
  });
  if (q.length <= 1) return { found: undefined, isFound: true };
  return { found: data, isFound: !isPending && !isPlaceholderData };
}
