// The todo API, typed by its own OpenAPI document (todo-api.ts). Adds the token to each request, and returns the answer or
// throws a Failure.

import type { AccessToken } from "./access-token.ts";
import { type Connection, isOfConnection } from "./connection.ts";
import { Failure, read, translate } from "./failure.ts";
import { said } from "./language.ts";
import type {
  Changes,
  Invitation,
  MadeInvitation,
  Member,
  NewTodo,
  NewTodoList,
  Operations,
  ShownInvitation,
  Todo,
  TodoChange,
  TodoList,
  TodoListChange,
  TodoPage,
} from "./todo-api.ts";

export type { Changes, Invitation, Member, NewTodo, NewTodoList, ShownInvitation, Todo } from "./todo-api.ts";
export type { TodoChange, TodoList, TodoListChange } from "./todo-api.ts";

export interface Streams {
  /** A stream that says when something has changed since the position. It is read by lib/live.ts. */
  events(position: string, signal: AbortSignal): Promise<Response>;
}

export interface Exporting {
  /** All todos and lists that are the person's own. */
  exported(): Promise<Operations["GET /api/v1/export"]["answer"]>;
}

export interface Sharing {
  members(listId: string): Promise<Member[]>;
  changeMember(listId: string, id: string, role: Member["role"]): Promise<Member>;
  /** `me`: the person leaves the list. */
  removeMember(listId: string, id: string): Promise<void>;
  invitations(listId: string): Promise<Invitation[]>;
  invite(listId: string, role: Member["role"], name: string): Promise<MadeInvitation>;
  withdraw(listId: string, id: string): Promise<void>;
  /** What it is for. Fails with `missing` if it cannot be used, with `conflict` if it is the person's own. */
  showInvitation(token: string): Promise<ShownInvitation>;
  acceptInvitation(token: string, name: string): Promise<TodoList>;
}

export interface TodoApi {
  /** What has changed since a token; without one, everything. Fails with `invalid` if the token is too old. */
  changes(query: Operations["GET /api/v1/changes"]["query"]): Promise<Changes>;
  read(id: string): Promise<Todo>;
  /** Repeating a call with the same key creates no second todo. */
  create(todo: NewTodo, key: string): Promise<Todo>;
  /** Fails with `conflict` if the todo is no longer the version that the person saw. */
  change(seen: Todo, change: TodoChange): Promise<Todo>;
  /** The last place that anybody gives it counts, whatever version the person saw. */
  move(id: string, position: string): Promise<Todo>;
  relocate(id: string, listId: string | null): Promise<Todo>;
  complete(id: string): Promise<Todo>;
  reopen(id: string): Promise<Todo>;
  remove(id: string): Promise<void>;
  restore(id: string): Promise<Todo>;
  /** A page of the deleted todos that can be restored, the last deleted one first. */
  deleted(cursor: string | null): Promise<TodoPage>;
  createList(list: NewTodoList, key: string): Promise<TodoList>;
  /** Fails with `conflict` if the list is no longer this version. Without a version the last one counts. */
  changeList(id: string, change: TodoListChange, version?: number): Promise<TodoList>;
  /** With all todos that are in it. */
  removeList(id: string): Promise<void>;
  restoreList(id: string): Promise<TodoList>;
  /** The deleted lists that can be restored, the last deleted one first. */
  deletedLists(): Promise<TodoList[]>;
}

export interface Surroundings {
  accessToken: Pick<AccessToken, "get" | "replace">;
  /** Called when the session has ended and the person must sign in. */
  onSignedOut: () => void;
  /** Is told after each call whether the services answered. */
  connection: Pick<Connection, "answered" | "failed">;
  fetch: typeof globalThis.fetch;
  now: () => number;
}

interface Call<K extends keyof Operations> {
  id?: string;
  /** Of a member or an invitation, in a path that has two ids. */
  second?: string;
  query?: Operations[K]["query"];
  body?: Operations[K]["body"];
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

const PATIENCE = 15_000; // milliseconds to wait for an answer

export function todoApi({
  accessToken,
  onSignedOut,
  connection,
  fetch,
  now,
}: Surroundings): TodoApi & Sharing & Streams & Exporting {
  let closedUntil = 0; // time until which Retry-After forbids requests

  async function call<K extends keyof Operations>(operation: K, made: Call<K> = {}): Promise<Operations[K]["answer"]> {
    try {
      const answer = await attempt(operation, made);
      connection.answered();
      return answer;
    } catch (error) {
      const failure = translate(error);
      if (!(failure instanceof Failure)) throw failure;
      if (isOfConnection(failure)) connection.failed(failure);
      else connection.answered();
      if (failure.kind === "signed-out") onSignedOut();
      throw failure;
    }
  }

  async function attempt<K extends keyof Operations>(operation: K, made: Call<K>): Promise<Operations[K]["answer"]> {
    if (now() < closedUntil) throw new Failure("limited", said("Too many requests."), { retryAt: closedUntil });
    const response = await authorized(operation, made);
    if (response.ok) return (response.status === 204 ? undefined : await response.json()) as Operations[K]["answer"];
    const failure = await read(response, now());
    if (response.status === 429) closedUntil = failure.retryAt ?? 0;
    throw failure;
  }

  async function authorized<K extends keyof Operations>(operation: K, made: Call<K>): Promise<Response> {
    const token = await accessToken.get();
    const response = await send(operation, made, token);
    return response.status === 401 ? send(operation, made, await accessToken.replace(token)) : response;
  }

  /** Its refusals are no news of the other calls: there may be too many streams, and room for everything else. That the
   * session has ended is: a stream ends with it, and a page that nobody touches must notice. */
  async function events(position: string, signal: AbortSignal): Promise<Response> {
    try {
      const response = await authorized("GET /api/v1/events", { headers: { "Last-Event-ID": position }, signal });
      if (response.ok) return response;
      throw await read(response, now());
    } catch (error) {
      if (error instanceof Failure && error.kind === "signed-out") onSignedOut();
      throw error;
    }
  }

  function send<K extends keyof Operations>(operation: K, made: Call<K>, token: string): Promise<Response> {
    const [method = "GET", path = ""] = operation.split(" ");
    const query = new URLSearchParams(Object.entries(made.query ?? {}).map(([name, value]) => [name, String(value)]));
    const headers = new Headers({ ...made.headers, Authorization: `Bearer ${token}` });
    if (made.body !== undefined) headers.set("Content-Type", "application/json");
    const ids = path
      .replace(/\{(todo|list)_id\}/, encodeURIComponent(made.id ?? ""))
      .replace(/\{(member|invitation)_id\}/, encodeURIComponent(made.second ?? ""));
    return fetch(`${ids}${query.size ? `?${query}` : ""}`, {
      method,
      headers,
      body: made.body === undefined ? null : JSON.stringify(made.body),
      credentials: "omit", // the API uses the token only, no cookies
      cache: "no-store",
      signal: made.signal ?? AbortSignal.timeout(PATIENCE),
    });
  }

  return {
    changes: (query) => call("GET /api/v1/changes", { query }),
    events,
    read: (id) => call("GET /api/v1/todos/{todo_id}", { id }),
    create: (todo, key) => call("POST /api/v1/todos", { body: todo, headers: once(key) }),
    change: (seen, change) =>
      call("PATCH /api/v1/todos/{todo_id}", {
        id: seen.id,
        body: change,
        headers: { "If-Match": `"${seen.version}"` },
      }),
    move: (id, position) => call("PATCH /api/v1/todos/{todo_id}", { id, body: { position } }),
    relocate: (id, list_id) => call("PATCH /api/v1/todos/{todo_id}", { id, body: { list_id } }),
    complete: (id) => call("POST /api/v1/todos/{todo_id}/complete", { id }),
    reopen: (id) => call("POST /api/v1/todos/{todo_id}/reopen", { id }),
    remove: (id) => call("DELETE /api/v1/todos/{todo_id}", { id }),
    restore: (id) => call("POST /api/v1/todos/{todo_id}/restore", { id }),
    deleted: (cursor) =>
      call("GET /api/v1/todos", {
        query: { deleted: "only", sort: "-updated", ...(cursor === null ? {} : { cursor }) },
      }),
    createList: (list, key) => call("POST /api/v1/lists", { body: list, headers: once(key) }),
    changeList: (id, change, version) =>
      call("PATCH /api/v1/lists/{list_id}", {
        id,
        body: change,
        ...(version === undefined ? {} : { headers: { "If-Match": `"${version}"` } }),
      }),
    removeList: (id) => call("DELETE /api/v1/lists/{list_id}", { id }),
    restoreList: (id) => call("POST /api/v1/lists/{list_id}/restore", { id }),
    members: async (id) => (await call("GET /api/v1/lists/{list_id}/members", { id })).items,
    changeMember: (id, second, role) =>
      call("PATCH /api/v1/lists/{list_id}/members/{member_id}", { id, second, body: { role } }),
    removeMember: (id, second) => call("DELETE /api/v1/lists/{list_id}/members/{member_id}", { id, second }),
    invitations: async (id) => (await call("GET /api/v1/lists/{list_id}/invitations", { id })).items,
    invite: (id, role, name) => call("POST /api/v1/lists/{list_id}/invitations", { id, body: { role, name } }),
    withdraw: (id, second) => call("DELETE /api/v1/lists/{list_id}/invitations/{invitation_id}", { id, second }),
    showInvitation: (token) => call("POST /api/v1/invitations/show", { body: { token } }),
    acceptInvitation: (token, name) => call("POST /api/v1/invitations/accept", { body: { token, name } }),
    exported: () => call("GET /api/v1/export"),
    deletedLists: async () => (await call("GET /api/v1/lists", { query: { deleted: "only" } })).items,
  };
}

function once(key: string): Record<string, string> {
  return { "Idempotency-Key": `"${key}"` };
}
