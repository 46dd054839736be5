import { type KeyboardEvent, useDeferredValue, useId, useState } from "react";
import { useAgentsLike } from "../api/registry";
import { Name } from "./links";

interface Props {
  /** The selected agent's id; "" for all. */
  value: string;
  onChange: (agent: string) => void;
}

/** A combobox that searches agents. */
export function AgentField({ value, onChange }: Props) {
  const [typed, setTyped] = useState<string | null>(null); // null: not typing, shows the selection
  const [at, setAt] = useState(0);
  const id = useId();
  const isOpen = typed !== null;
  const asked = useDeferredValue(typed ?? "");
  const found = useAgentsLike(asked, isOpen);
  // While loading, the list matches an earlier input: Enter must not select from it.
  const words = (typed ?? "").toLowerCase();
  const isAnswered = asked === typed && found.isSuccess && !found.isFetching;
  const agents = (found.data ?? []).map((agent) => agent.agent_id).filter((id) => id.toLowerCase().includes(words));
  function choose(agent: string): void {
    setTyped(null);
    onChange(agent);
  }
  function onKey(event: KeyboardEvent<HTMLInputElement>): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && agents.length) setAt((at + step + agents.length) % agents.length);
    else if (event.key === "Enter" && typed === "") choose("");
    else if (event.key === "Enter" && agents[at]) choose(agents[at]);
    // The page then shows that there is no such agent, and similar ones.
    else if (event.key === "Enter" && typed && isAnswered) choose(typed.trim());
    else if (event.key === "Escape") event.currentTarget.blur();
    else return;
    event.preventDefault();
  }
  return (
    <div className="agentfield">
      <input
        type="text"
        className="field"
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={id}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && agents[at] ? `${id}-${at}` : undefined}
        aria-label="Agent"
        placeholder="All agents"
        dir="auto"
        value={typed ?? value}
        onFocus={(event) => {
          setTyped(value);
          setAt(0);
          event.currentTarget.select();
        }}
        onBlur={() => setTyped(null)}
        onChange={(event) => {
          setTyped(event.target.value);
          setAt(0);
        }}
        onKeyDown={onKey}
      />
      {value && !isOpen ? (
        <button type="button" className="agentfield-clear" aria-label="All agents" onClick={() => choose("")}>
          ✕
        </button>
      ) : null}
      <div id={id} role="listbox" aria-label="Agents" className="agentfield-list" hidden={!isOpen}>
        {agents.map((agent, index) => (
          // biome-ignore lint/a11y/useKeyWithClickEvents: the field above has the keys
          <div
            key={agent}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === at}
            className="agentfield-option"
            title={agent}
            onMouseDown={(event) => event.preventDefault()} // keep the focus in the field until the selection is made
            onMouseMove={() => setAt(index)}
            onClick={(event) => {
              choose(agent);
              event.currentTarget.closest(".agentfield")?.querySelector("input")?.blur();
            }}
          >
            <Name of={agent} />
          </div>
        ))}
        {isOpen && agents.length === 0 ? (
          <div className="agentfield-none faint" role="option" aria-selected="false" aria-disabled="true">
            {isAnswered ? "No matching agent" : found.isError ? "The server does not respond" : "Loading …"}
          </div>
        ) : null}
      </div>
    </div>
  );
}
