import { Tabs } from "../../parts/Tabs";
import { TAB_NAMES, type Tab, tabsOf } from "./runPage";

interface Props {
  hasStages: boolean;
  hasActions: boolean;
  tab: Tab;
  onChange: (tab: Tab) => void;
}

/** The views of a run. */
export function RunTabs({ hasStages, hasActions, tab, onChange }: Props) {
  return <Tabs id="run-tab" tabs={tabsOf(hasStages, hasActions)} names={TAB_NAMES} chosen={tab} onChange={onChange} />;
}
