import type { ReactNode } from "react";
import { Link } from "react-router";
import { pathIn } from "../api/project";
import { useShownProject } from "../api/projects";

interface Props {
  /** Whose page it leads to. */
  project: string;
  to: string;
  children: ReactNode;
  className?: string;
  title?: string;
  dir?: "auto";
  "aria-label"?: string;
}

/** A link to a page of this or another project: workers run jobs of all. */
export function ProjectLink({ project, to, ...rest }: Props) {
  return project === useShownProject() ? <Link to={to} {...rest} /> : <a href={pathIn(project, to)} {...rest} />;
}
