import { type FormEvent, useState } from "react";
import { useChange } from "../../api/changes";
import { useCanChange } from "../../api/session";
import { addMember, rereadStore } from "../../api/store";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { count } from "../../parts/format";

const STEP = 200;

/** A set's members in the order they were added. */
export function MembersView({ setKey, members }: { setKey: string; members: readonly string[] }) {
  const [shown, setShown] = useState(STEP);
  return (
    <div className="store-value">
      <div className="row">
        <h3>Set</h3>
        <span className="faint">{count(members.length, "member")}, in the order they came</span>
        <span className="store-push" />
        <CopyButton text={members.join("\n")} label="Copy all" />
      </div>
      <ol className="store-members mono">
        {members.slice(0, shown).map((member) => (
          <li key={member} dir="auto">
            {member}
          </li>
        ))}
      </ol>
      {members.length > shown ? <Button onClick={() => setShown(shown + STEP * 5)}>Show more</Button> : null}
      {useCanChange() ? <Add setKey={setKey} /> : null}
    </div>
  );
}

function Add({ setKey }: { setKey: string }) {
  const [member, setMember] = useState("");
  const change = useChange(
    addMember,
    (isNew) => (isNew ? "Added to the set" : "It was in the set already"),
    () => {
      setMember("");
      void rereadStore();
    },
  );
  function add(event: FormEvent): void {
    event.preventDefault();
    change.run({ key: setKey, member });
  }
  return (
    <form className="row" onSubmit={add}>
      <input
        className="field"
        dir="auto"
        aria-label="New member"
        placeholder="New member"
        required
        value={member}
        onChange={(event) => setMember(event.target.value)}
      />
      <Button type="submit" busy={change.isPending}>
        Add
      </Button>
    </form>
  );
}
