import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { loadMarkdown, Markdown } from "../src/todos/markdown.tsx";
import { startOfNotes } from "../src/todos/start-of-notes.ts";

const read = await loadMarkdown();

/** The words that the details show. */
function words(notes: string): string[] {
  const html = renderToStaticMarkup(createElement(Markdown, { text: notes, read })).replaceAll(/<[^>]*>/g, " ");
  return html.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&").split(/\s+/).filter(Boolean);
}

describe("the start of notes", () => {
  test.each([
    ["Ask for the **card**", "Ask for the card"],
    ["**b** *i* ~~d~~ `c` ***s*** __b__ _i_", "b i d c s b i"],
    ["**all *of* it** and **all *of it***", "all of it and all of it"],
    ["[the *shop*](https://a.example/b) and <https://b.example>", "the shop and https://b.example"],
    ['![a picture](https://a.example/b.png "A title")', "a picture"],
    ["# Title\n\ntext", "Title\n\ntext"],
    ["- one\n* two\n1. three\n> four", "one\ntwo\nthree\nfour"],
    ["> - **x**", "x"],
    ["`**code**`", "**code**"],
    ["\\*no emphasis\\*", "*no emphasis*"],
    ["```js\nlet a = 1;\n```", "let a = 1;"],
    ["a\n\n---\n\nb", "a\n\n\n\nb"],
    ["plain text", "plain text"],
    ["2 * 3 * 4 and 5 - 2", "2 * 3 * 4 and 5 - 2"],
    ["a snake_case_name", "a snake_case_name"],
    ["*** no rule", "*** no rule"],
    ["**not closed", "**not closed"],
    ["1.5 kg, #5 and -3 °C", "1.5 kg, #5 and -3 °C"],
    ["<b>no HTML</b>", "<b>no HTML</b>"],
    ["עִבְרִית **חָזָק**", "עִבְרִית חָזָק"],
  ])("of %j is %j: the words of the details, without marks", (notes, start) => {
    expect(startOfNotes(notes)).toBe(start);
    expect(start.split(/\s+/)).toEqual(words(notes));
  });

  test("has the words of a list with boxes and of a table", () => {
    expect(startOfNotes("- [x] done\n- [ ] open")).toBe("done\nopen");
    expect(startOfNotes("| a | b |\n|---|:-:|\n| c | d |").match(/\w/g)).toEqual(["a", "b", "c", "d"]);
  });

  test("is short, and is not empty when only marks are there", () => {
    expect(startOfNotes("word ".repeat(2_000))).toHaveLength(120);
    expect(startOfNotes("")).toBe("");
  });

  test.each(["*", "_", "`", "[", "**a", "_a ", "> ", "- ", "|", "|-", "~~a", "![", "\\", "-\t"])(
    "of %j many times is found at once",
    (part) => expect(startOfNotes(part.repeat(10_000 / part.length)).length).toBeLessThanOrEqual(120),
  );
});
