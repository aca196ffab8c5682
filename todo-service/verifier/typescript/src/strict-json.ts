// A JSON parser for untrusted text, as strict as I-JSON (RFC 7493). `JSON.parse` takes the last of two members with one
// name, turns 1e400 into Infinity, accepts lone surrogates and any depth of nesting. Here each of these throws.

export class NotStrictJson extends Error {
  override readonly name = "NotStrictJson";
}

const UTF_8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const BLANKS = /[ \t\n\r]*/y;
const STRING = /"[^"\\\u0000-\u001f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\u0000-\u001f]*)*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const WORDS: Readonly<Record<string, boolean | null>> = { true: true, false: false, null: null };
const LONE_SURROGATE = /\p{Surrogate}/u;
const MOST_DIGITS = 4300;

/** The value of a text in UTF-8. Objects have no prototype, so no member can be mistaken for an inherited one.
 *
 * Throws NotStrictJson, with a message that does not quote the input.
 */
export function parse(bytes: Uint8Array, maxDepth: number): unknown {
  let text: string;
  try {
    text = UTF_8.decode(bytes);
  } catch {
    throw new NotStrictJson("not Unicode text");
  }
  return new Parser(text, maxDepth).parse();
}

/** An object, as `parse` returns it. */
export type Members = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a member is an integer, and written as one: 1, but not 1.0 or 1e0, which other languages read as decimals. */
export function hasInteger<Name extends string>(
  members: Members,
  name: Name,
): members is Members & Readonly<Record<Name, number>> {
  return Number.isInteger(members[name]) && decimals.get(members)?.has(name) !== true;
}

/** Names of the members of an object that are whole numbers, but written as decimals. */
const decimals = new WeakMap<Members, Set<string>>();

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;
  #isDecimal = false; // the last number

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  parse(): unknown {
    const value = this.#value(0);
    if (this.#at < this.#text.length) throw this.#error();
    return value;
  }

  #value(depth: number): unknown {
    this.#take(BLANKS);
    const value = this.#bare(depth);
    this.#take(BLANKS);
    return value;
  }

  #bare(depth: number): unknown {
    switch (this.#text[this.#at]) {
      case "{":
        return this.#object(depth + 1);
      case "[":
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      case "t":
      case "f":
      case "n": {
        const word = this.#take(WORD);
        if (word === undefined) throw this.#error();
        return WORDS[word];
      }
      default:
        return this.#number();
    }
  }

  #object(depth: number): Members {
    this.#enter(depth);
    const members = Object.create(null) as Record<string, unknown>;
    this.#take(BLANKS);
    if (this.#has("}")) return members;
    do {
      this.#take(BLANKS);
      const name = this.#string();
      if (name in members) throw new NotStrictJson("a name occurs twice in one object");
      this.#take(BLANKS);
      if (!this.#has(":")) throw this.#error();
      const value = (members[name] = this.#value(depth));
      if (this.#isDecimal && typeof value === "number") {
        decimals.set(members, (decimals.get(members) ?? new Set()).add(name));
      }
    } while (this.#has(","));
    if (!this.#has("}")) throw this.#error();
    return members;
  }

  #array(depth: number): unknown[] {
    this.#enter(depth);
    const elements: unknown[] = [];
    this.#take(BLANKS);
    if (this.#has("]")) return elements;
    do elements.push(this.#value(depth));
    while (this.#has(","));
    if (!this.#has("]")) throw this.#error();
    return elements;
  }

  #string(): string {
    const literal = this.#take(STRING);
    if (literal === undefined) throw this.#error();
    if (!literal.includes("\\")) return literal.slice(1, -1);
    const value = JSON.parse(literal) as string;
    if (LONE_SURROGATE.test(value)) throw new NotStrictJson("not Unicode text");
    return value;
  }

  #number(): number {
    const literal = this.#take(NUMBER);
    if (literal === undefined || literal.length > MOST_DIGITS) throw this.#error();
    const value = Number(literal);
    this.#isDecimal = /[.eE]/.test(literal);
    if (!Number.isFinite(value) && this.#isDecimal) throw new NotStrictJson("a number is too large");
    return value;
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) throw new NotStrictJson("too deeply nested");
    this.#at += 1;
  }

  #has(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  /** What the pattern matches here; undefined if it matches nothing. */
  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #error(): NotStrictJson {
    return new NotStrictJson(`not JSON at character ${this.#at}`);
  }
}
