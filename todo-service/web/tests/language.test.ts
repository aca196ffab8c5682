// Languages: which one counts, that each text is said in it, and that German has every text and none too many.
//
// The sources are parsed, not searched. A text that people read is the argument of `said`, `saidWith` or `counted`. It stands in no
// element, attribute, failure or announcement by itself.

import { parseSync } from "vite";
import { beforeAll, describe, expect, test } from "vitest";
import { counted, findLanguage, language, locale, said, saidWith, speak, type Text } from "../src/lib/language.ts";
import { words as german } from "../src/words/de.ts";

interface Node {
  type: string;
  [member: string]: unknown;
}

const sources = import.meta.glob<string>("../src/**/*.{ts,tsx}", { query: "?raw", import: "default", eager: true });
const programs = Object.entries(sources)
  .filter(([path]) => !path.includes("/words/") && !path.endsWith("/todo-api.ts"))
  .map(([path, text]) => [path.replace("../src/", ""), parse(path, text)] as const);

const SAYING: Record<string, number[]> = { said: [0], saidWith: [0], counted: [1, 2] }; // functions; which arguments
const READ = ["aria-label", "aria-description", "alt", "hint", "label", "placeholder", "title"]; // attributes
const SENTENCE = /^“?[A-Z][a-z]*[^_/]*\s[a-z“{(]/; // a capital letter, and more words

function parse(path: string, text: string): Node {
  const { program, errors } = parseSync(path, text);
  expect(errors).toEqual([]);
  return program as unknown as Node;
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

/** All nodes, each with those that it is in. */
function* nodes(node: Node, within: readonly Node[] = []): Generator<[Node, readonly Node[]]> {
  yield [node, within];
  for (const value of Object.values(node).flat()) if (isNode(value)) yield* nodes(value, [...within, node]);
}

/** The texts that an expression may be; not those that it only compares, or gives to a function. */
function texts(value: unknown): string[] {
  if (!isNode(value)) return [];
  switch (value.type) {
    case "Literal":
      return typeof value.value === "string" ? [value.value] : [];
    case "TemplateLiteral": {
      const parts = value.quasis as { value: { cooked: string } }[];
      return parts.map((each) => each.value.cooked);
    }
    case "ConditionalExpression":
      return [...texts(value.consequent), ...texts(value.alternate)];
    case "LogicalExpression":
    case "BinaryExpression":
      return ["&&", "||", "??", "+"].includes(value.operator as string)
        ? [...texts(value.left), ...texts(value.right)]
        : [];
    case "JSXExpressionContainer":
    case "ParenthesizedExpression":
    case "TSAsExpression":
      return texts(value.expression);
    default:
      return [];
  }
}

function nameOf(value: unknown): string {
  return isNode(value) && typeof value.name === "string" ? value.name : "";
}

/** What the node shows to people, in whatever language. */
function shown(node: Node, within: readonly Node[]): string[] {
  const [first, second] = (node.arguments as unknown[] | undefined) ?? [];
  switch (node.type) {
    case "JSXText":
      return [node.value as string];
    case "JSXExpressionContainer":
      return within.at(-1)?.type === "JSXAttribute" ? [] : texts(node);
    case "JSXAttribute":
      return READ.includes(nameOf(node.name)) ? texts(node.value) : [];
    case "Property":
      return nameOf(node.key) === "label" ? texts(node.value) : [];
    case "NewExpression":
      return nameOf(node.callee) === "Failure" ? texts(second) : [];
    case "CallExpression":
      return nameOf(node.callee) === "say" ? texts(first) : [];
    default:
      return [];
  }
}

describe("every text", () => {
  test.each(programs)("of %s is said in the language of the page", (_, program) => {
    const found = [...nodes(program)].flatMap(([node, within]) => shown(node, within));
    expect(found.filter((each) => /\p{L}/u.test(each)).map((each) => each.trim())).toEqual([]);
  });

  test.each(programs)("of %s has German", (_, program) => {
    const found: string[] = [];
    for (const [node, within] of nodes(program)) {
      const called = SAYING[nameOf(node.callee)] ?? [];
      for (const at of called) found.push(...texts((node.arguments as unknown[])[at]));
      const isOfError = within.some((each) => each.type === "NewExpression" && nameOf(each.callee) === "Error");
      if (node.type === "Literal" && !isOfError) found.push(...texts(node).filter((each) => SENTENCE.test(each)));
    }
    expect(found.filter((each) => !Object.hasOwn(german, each))).toEqual([]);
  });
});

describe("German", () => {
  beforeAll(() => speak("de"));

  test("has no text that nothing says", () => {
    const every = new Set<unknown>(programs.flatMap(([, program]) => [...nodes(program)].map(([node]) => node.value)));
    expect(Object.keys(german).filter((text) => !every.has(text))).toEqual([]);
  });

  test("replaces the same words", () => {
    const named = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();
    for (const [english, text] of Object.entries(german)) expect(named(text)).toEqual(named(english));
  });

  test("is said with values, for one and for several", () => {
    expect(said("Added {number} todos", { number: 3 })).toBe("3 Todos hinzugefügt");
    expect(said("Added: {title}", { title: "{number} $& {title}" })).toBe("Hinzugefügt: {number} $& {title}");
    const one: Text = "Its todo is deleted with it. You can undo this.";
    const several: Text = "Its {number} todos are deleted with it. You can undo this.";
    expect(counted(1, one, several)).toMatch("Ihr Todo wird");
    expect(counted(2, one, several)).toMatch("Ihre 2 Todos werden");
  });

  test("is said around elements", () =>
    expect(saidWith("Deleted “{name}”", { name: 7 })).toMatchObject(["Gelöscht: „", { props: { children: 7 } }, "“"]));

  test("has the dates of the browser's own variant", () => {
    expect(locale(["en-GB", "de-AT"])).toBe("de-AT");
    expect(locale(["fr"])).toBe("de");
  });

  test("gives way to English when nothing is known of a language", async () => {
    await speak("fr");
    expect([language(), said("Today")]).toEqual(["en", "Today"]);
  });
});

test("a manifest in another language differs in its texts only", () => {
  const manifests = import.meta.glob<string>("../src/manifest*.webmanifest", {
    query: "?raw",
    import: "default",
    eager: true,
  });
  const parsed = Object.values(manifests).map((text) => JSON.parse(text) as Record<string, unknown>);
  expect(parsed.length).toBeGreaterThan(1);
  for (const each of parsed) {
    expect(each).toMatchObject({ icons: parsed[0]?.icons, id: "/", start_url: "/", display: "standalone" });
    expect(Object.keys(each)).toEqual(Object.keys(parsed[0] ?? {}));
  }
});

test.each([
  ["", ["de-CH", "en"], "de"],
  ["", ["fr", "en-GB", "de"], "en"],
  ["", ["fr"], "en"],
  ["", [], "en"],
  ["a=b; language=de", ["en"], "de"],
  ["language=en; x=y", ["de"], "en"],
  ["language=xx", ["de"], "de"],
  ["otherlanguage=de", ["en"], "en"],
  ["language=constructor", ["en"], "en"],
])("cookies %j and %j make %s", (cookies, preferred, chosen) => {
  expect(findLanguage(cookies, preferred)).toBe(chosen);
});
