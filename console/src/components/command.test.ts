import { expect, test } from "vitest";
import { newClient, shellWord, titanCommand, withServer } from "./command";

const USUAL = { hostname: "127.0.0.1", port: "5000", origin: "http://127.0.0.1:5000" };

test("a command names its words so that a shell keeps them whole", () => {
  expect(titanCommand(["runs", "resume", "RESEARCH_cb5e13"], USUAL)).toBe("titan runs resume RESEARCH_cb5e13");
  expect(titanCommand(["runs", "resume", "my run"], USUAL)).toBe("titan runs resume 'my run'");
  expect(shellWord("it's $HOME")).toBe("'it'\\''s $HOME'");
  expect(shellWord("")).toBe("''");
});

test("a server at an unusual address is named in the command", () => {
  const other = { hostname: "titan.example", port: "", origin: "https://titan.example" };

  expect(titanCommand(["runs", "resume", "R_1"], other)).toBe("titan runs resume R_1 --server https://titan.example");
  expect(titanCommand(["workers"], { ...USUAL, port: "6100", origin: "http://127.0.0.1:6100" })).toBe(
    "titan workers --server http://127.0.0.1:6100",
  );
});

test("a program of the SDK is led to a server that it would not find by itself", () => {
  expect(withServer("python agent.py", USUAL)).toBe("python agent.py");
  expect(withServer("python agent.py", { ...USUAL, port: "6100", origin: "http://127.0.0.1:6100" })).toBe(
    "TITAN_HOST=http://127.0.0.1:6100 python agent.py",
  );
});

test("a program is given the address of a server that it would not find by itself", () => {
  expect(newClient(USUAL)).toBe("TitanClient()");
  expect(newClient({ ...USUAL, port: "6100", origin: "http://127.0.0.1:6100" })).toBe(
    'TitanClient("http://127.0.0.1:6100")',
  );
});

test("what is shown in a project is for that project", () => {
  const inside = { ...USUAL, pathname: "/p/my%20shop/dags" };

  expect(titanCommand(["submit", "a.py"], inside)).toBe("titan submit a.py --project 'my shop'");
  expect(withServer("python agent.py", inside)).toBe("TITAN_PROJECT='my shop' python agent.py");
  expect(newClient(inside)).toBe('TitanClient(project="my shop")');
});
