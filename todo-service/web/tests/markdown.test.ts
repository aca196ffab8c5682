import { createElement } from "react";
import { renderToStaticMarkup } from "react-dom/server";
import { describe, expect, test } from "vitest";
import { loadMarkdown, Markdown } from "../src/todos/markdown.tsx";

const REL = 'target="_blank" rel="noopener noreferrer nofollow"';

const read = await loadMarkdown();

function shown(notes: string): string {
  return renderToStaticMarkup(createElement(Markdown, { text: notes, read })).replace(
    /^<div class="markdown">(.*)<\/div>$/s,
    "$1",
  );
}

function link(address: string, text: string): string {
  return `<p><a href="${address}" title="${address}" ${REL}>${text}</a></p>`;
}

describe("notes", () => {
  test.each([
    ["two\nlines", "<p>two<br/>lines</p>"],
    ["**b** *i* ~~d~~ `c`", "<p><strong>b</strong> <em>i</em> <del>d</del> <code>c</code></p>"],
    ["# A\n## B", "<h3>A</h3><h4>B</h4>"],
    ["3. a\n4. b", '<ol start="3"><li>a</li><li>b</li></ol>'],
    ["> a\n\n" + "-".repeat(40), "<blockquote><p>a</p></blockquote><hr/>"],
    ["https://a.example", link("https://a.example/", "https://a.example")],
    ["me@a.example", link("mailto:me@a.example", "me@a.example")],
    ["[a](https://a.example/?b=%22&c)", link("https://a.example/?b=%22&amp;c", "a")],
    ["![a](https://a.example/b.png)", link("https://a.example/b.png", "a")],
  ])("%j are shown as %s", (notes, html) => expect(shown(notes)).toBe(html));

  test("have boxes and tables", () => {
    expect(shown("- [x] a\n- [ ] b")).toContain('<li><span role="img" aria-label="Done:">☑ </span>a</li>');
    expect(shown("|a|\n|-|\n|b|")).toContain("<td>b</td>");
  });

  test.each([
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<a href=https://a.example>",
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](data:text/html,x)",
    "[a](http://a.example)",
    "[a](/settings)",
    "[a](//a.example)",
    "![a](http://a.example/b.png)",
    "[a]: https://a.example",
  ])("%j are shown as they were typed", (notes) => {
    const text = shown(notes).replace(/^<p>(.*)<\/p>$/s, "$1");
    expect(text).not.toMatch(/<|href="/);
    expect(text).toContain(renderToStaticMarkup(createElement("p", null, notes)).slice(3, -4));
  });

  test.each([">", "> ", "- ", "1. ", "*", "[", "**a", "a.", "`a``"])("of %j 10,000 times are shown", (part) => {
    const html = shown(part.repeat(10_000 / part.length));
    expect(html.length).toBeGreaterThan(9_000);
    expect(html).not.toMatch(/(<blockquote>|<ul>|<ol[^>]*>|<strong>){30}/);
  });
});
