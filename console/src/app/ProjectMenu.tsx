import { useLocation } from "react-router";
import { pathIn } from "../api/project";
import { useProjects, useShownProject } from "../api/projects";
import { placeOf } from "./places";

/** Leads to the same place in another project, where there is more than one. */
export function ProjectMenu() {
  const { pathname } = useLocation();
  const shown = useShownProject();
  const listed = useProjects(true).data?.map((project) => project.name) ?? [];
  const names = listed.includes(shown) || listed.length === 0 ? listed : [shown, ...listed];
  if (names.length < 2) return null;
  return (
    <select
      className="field bar-project"
      aria-label="Project"
      value={shown}
      // Another page, not another state: nothing that was read of one project is shown in the other.
      onChange={(event) => window.location.assign(pathIn(event.target.value, placeOf(pathname)?.path ?? "/"))}
    >
      {names.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
