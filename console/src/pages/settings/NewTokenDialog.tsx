import { type FormEvent, useId, useState } from "react";
import { createToken, type NewToken, type Role } from "../../api/house";
import { DEFAULT_PROJECT } from "../../api/project";
import { useShownProject } from "../../api/projects";
import { useCanOperate } from "../../api/session";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { ABOUT_ROLE, EXPIRIES, rolesToChoose } from "./roles";

const NEVER = "never";

/** Makes a token: a name, what it may do, and for how long. */
export function NewTokenDialog({ onClose, onMade }: { onClose: () => void; onMade: (token: NewToken) => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("viewer");
  const [days, setDays] = useState("30");
  const [isTrusted, setIsTrusted] = useState(false);
  const [labels, setLabels] = useState("");
  const shown = useShownProject();
  const [project, setProject] = useState(shown === DEFAULT_PROJECT ? "" : shown);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const canOperate = useCanOperate();
  const form = useId();
  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setIsBusy(true);
    try {
      const named = labels.split(/[\s,]+/).filter(Boolean);
      const worker = { trusted: isTrusted, labels: named.length > 0 ? named : null, project: null };
      const about = role === "worker" ? worker : { trusted: false, labels: null, project: project.trim() || null };
      onMade(await createToken(name.trim(), role, days === NEVER ? null : Number(days), about));
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
      setIsBusy(false);
    }
  }
  return (
    <Dialog
      title="Make a token"
      onClose={onClose}
      footer={
        <>
          <Button onClick={onClose}>Back</Button>
          <Button kind="main" type="submit" form={form} busy={isBusy}>
            Make it
          </Button>
        </>
      }
    >
      <form id={form} className="settings-form" onSubmit={(event) => void submit(event)}>
        <label className="stack">
          Name: who or what will use it
          <input
            className="field"
            dir="auto"
            required
            autoComplete="off"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        </label>
        <fieldset className="plain-fieldset settings-choices">
          <legend>Role</legend>
          {rolesToChoose(canOperate).map((one) => (
            <label key={one} className="settings-choice">
              <input type="radio" name="role" checked={one === role} onChange={() => setRole(one)} />
              <span>
                {one} <span className="soft">{ABOUT_ROLE[one]}</span>
              </span>
            </label>
          ))}
        </fieldset>
        {role === "worker" ? (
          <>
            <label className="settings-choice">
              <input type="checkbox" checked={isTrusted} onChange={(event) => setIsTrusted(event.target.checked)} />
              <span>
                Trusted <span className="soft">what its workers’ jobs submit may run on every worker</span>
              </span>
            </label>
            <label className="stack">
              Labels that its workers may offer, with commas between them
              <input
                className="field"
                autoComplete="off"
                placeholder="any"
                value={labels}
                onChange={(event) => setLabels(event.target.value)}
              />
            </label>
          </>
        ) : (
          <label className="stack">
            Project: all that it sees and changes
            <input
              className="field"
              dir="auto"
              autoComplete="off"
              placeholder="every project"
              value={project}
              onChange={(event) => setProject(event.target.value)}
            />
          </label>
        )}
        <label className="stack">
          Expires after
          <select className="field" value={days} onChange={(event) => setDays(event.target.value)}>
            {EXPIRIES.map((expiry) => (
              <option key={expiry.name} value={expiry.days ?? NEVER}>
                {expiry.name}
              </option>
            ))}
          </select>
        </label>
        {problem ? (
          <p role="alert" className="settings-problem">
            {problem}
          </p>
        ) : null}
      </form>
    </Dialog>
  );
}
