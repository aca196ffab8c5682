// Notes as Markdown. The library only reads them: what it finds becomes React elements, so no text ever becomes HTML, and the page's
// policy for Trusted Types stays as it is. The library, marked, is loaded when notes are shown first, so that it delays no page.
//
// Notes may be another person's, in a shared list. HTML in them is shown as text. A link leads to https or to a mail address, or it
// is text as it was typed. No image is loaded: it is a link.

import type { MarkedToken, Token } from "marked";
import { Fragment, type ReactNode, useMemo } from "react";
import { said } from "../lib/language.ts";

const DEEPEST = 20; // quotes, lists and emphasis in one another; what is deeper is shown as it was typed
const LONGEST = 2_000; // characters of a line; the library's time grows with their square
// Each level is a call of the library.
const NESTED = new RegExp(String.raw`^(?:[ \t]*(?:>|(?:[*+-]|\d+[.)])(?=[ \t]))){${DEEPEST}}`, "m");

export type Read = (text: string) => Token[];

export async function loadMarkdown(): Promise<Read> {
  const { Lexer } = await import("marked");
  return (text) => new Lexer({ gfm: true, breaks: true }).lex(text);
}

/** `read`: null until it is loaded; then the text is shown as it was typed. */
export function Markdown({ text, read }: { text: string; read: Read | null }): ReactNode {
  const found = useMemo(() => read && elements(text, read), [text, read]);
  return found === null ? <div className="read-notes">{text}</div> : <div className="markdown">{found}</div>;
}

/** null: shown as it was typed. */
function elements(text: string, read: Read): ReactNode {
  if (NESTED.test(text) || text.split("\n").some((line) => line.length > LONGEST)) return null;
  try {
    return render(read(text), 0);
  } catch {
    return null; // notes that break the library are still notes
  }
}

function render(tokens: readonly Token[], depth: number): ReactNode {
  return tokens.map((each, at) => <Fragment key={at}>{element(each as MarkedToken, depth)}</Fragment>);
}

function element(token: MarkedToken, depth: number): ReactNode {
  if (depth > DEEPEST) return token.raw;
  const inner = (tokens: readonly Token[]): ReactNode => render(tokens, depth + 1);
  switch (token.type) {
    case "space":
      return null;
    case "paragraph":
      return <p>{inner(token.tokens)}</p>;
    case "text":
      return token.tokens ? inner(token.tokens) : token.text;
    case "escape":
      return token.text;
    case "strong":
      return <strong>{inner(token.tokens)}</strong>;
    case "em":
      return <em>{inner(token.tokens)}</em>;
    case "del":
      return <del>{inner(token.tokens)}</del>;
    case "codespan":
      return <code>{token.text}</code>;
    case "code":
      return (
        <pre tabIndex={0}>
          <code>{token.text}</code>
        </pre>
      );
    case "br":
      return <br />;
    case "hr":
      return <hr />;
    case "blockquote":
      return <blockquote>{inner(token.tokens)}</blockquote>;
    case "heading": {
      const Heading = token.depth === 1 ? "h3" : "h4"; // the title of the todo is h2
      return <Heading>{inner(token.tokens)}</Heading>;
    }
    case "list": {
      const items = token.items.map((item, at) => <li key={at}>{inner(item.tokens)}</li>);
      return token.ordered ? <ol start={Number(token.start)}>{items}</ol> : <ul>{items}</ul>;
    }
    case "checkbox":
      return (
        <span role="img" aria-label={said(token.checked ? "Done:" : "Open:")}>
          {token.checked ? "☑ " : "☐ "}
        </span>
      );
    case "table":
      return (
        <div className="table" tabIndex={0} role="group" aria-label={said("Table")}>
          <table>
            <thead>
              <tr>
                {token.header.map((cell, at) => (
                  <th key={at}>{inner(cell.tokens)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {token.rows.map((row, at) => (
                <tr key={at}>
                  {row.map((cell, column) => (
                    <td key={column}>{inner(cell.tokens)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "link": {
      const address = safe(token.href);
      return address === null ? token.raw : <Link address={address}>{inner(token.tokens)}</Link>;
    }
    case "image": {
      const address = safe(token.href);
      return address === null ? token.raw : <Link address={address}>{token.text || address}</Link>;
    }
    default:
      return token.raw; // HTML, and definitions of links
  }
}

/** Without a Referer, and without power over this page. */
function Link({ address, children }: { address: string; children: ReactNode }): ReactNode {
  return (
    <a href={address} title={address} target="_blank" rel="noopener noreferrer nofollow">
      {children}
    </a>
  );
}

/** null: not an address that notes may lead to. */
function safe(href: string): string | null {
  const address = URL.canParse(href) ? new URL(href) : null;
  return address && ["https:", "mailto:"].includes(address.protocol) ? address.href : null;
}
