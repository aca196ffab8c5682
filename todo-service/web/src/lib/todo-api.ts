// Made from the todo API's OpenAPI document by todo_fixtures/typescript.py; a test compares it.

export interface Acceptance {
  token: string;
  name: string;
}

export interface Act {
  op: "complete" | "reopen" | "delete" | "restore";
  id: string;
  if_match?: string | null;
}

export interface Batch {
  atomic?: boolean;
  operations: Array<Create | Update | Act>;
}

export interface BatchResults {
  results: Array<Result>;
}

export interface Changes {
  upserts: Array<Todo>;
  tombstones: Array<Tombstone>;
  lists: Array<TodoList>;
  list_tombstones: Array<Tombstone>;
  next: string;
  last_event_id: string;
  has_more: boolean;
}

export interface Create {
  op: "create";
  todo: NewTodo;
}

export interface Event {
  event: "changes";
  id: string;
  data: "{}";
}

export interface Export {
  exported_at: string;
  todos: Array<Todo>;
  lists: Array<TodoList>;
}

export interface FieldError {
  pointer?: string | null;
  parameter?: string | null;
  detail: string;
  status?: number | null;
}

export interface Health {
  status: "ok" | "no key set" | "no status lists" | "no database" | "schema not at head";
}

export interface HeldInvitation {
  token: string;
}

export interface Invitation {
  id: string;
  role: "editor" | "viewer";
  created_at: string;
  expires_at: string;
}

export interface Invitations {
  items: Array<Invitation>;
}

export interface MadeInvitation {
  id: string;
  role: "editor" | "viewer";
  created_at: string;
  expires_at: string;
  token: string;
}

export interface Member {
  id: string;
  role: "editor" | "viewer";
  name: string;
  joined_at: string;
  is_you: boolean;
}

export interface MemberChange {
  role: "editor" | "viewer";
}

export interface Members {
  items: Array<Member>;
}

export interface NewInvitation {
  role: "editor" | "viewer";
  name: string;
}

export interface NewTodo {
  title: string;
  notes?: string;
  status?: "open" | "done";
  priority?: number;
  due?: string | null;
  position?: string | null;
  list_id?: string | null;
}

export interface NewTodoList {
  name: string;
  color?: "gray" | "red" | "orange" | "yellow" | "green" | "teal" | "blue" | "purple" | "pink";
  position?: string | null;
}

export interface ProblemDocument {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  request_id?: string | null;
  errors?: Array<FieldError> | null;
}

export interface ProtectedResource {
  resource: string;
  authorization_servers: Array<string>;
  scopes_supported: Array<string>;
  bearer_methods_supported: Array<string>;
  dpop_signing_alg_values_supported: Array<string>;
}

export interface Result {
  status: number;
  todo?: Todo | null;
  problem?: ProblemDocument | null;
}

export interface ShownInvitation {
  list_name: string;
  role: "editor" | "viewer";
  shared_by: string;
  expires_at: string;
}

export interface Todo {
  id: string;
  title: string;
  notes: string;
  status: "open" | "done";
  completed_at: string | null;
  priority: number;
  due: string | null;
  position: string;
  list_id: string | null;
  version: number;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
}

export interface TodoChange {
  title?: string;
  notes?: string | null;
  status?: "open" | "done";
  priority?: number | null;
  due?: string | null;
  position?: string;
  list_id?: string | null;
}

export interface TodoList {
  id: string;
  name: string;
  color: "gray" | "red" | "orange" | "yellow" | "green" | "teal" | "blue" | "purple" | "pink";
  position: string;
  role: "owner" | "editor" | "viewer";
  shared_by: string | null;
  members: number;
  version: number;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
}

export interface TodoListChange {
  name?: string;
  color?: "gray" | "red" | "orange" | "yellow" | "green" | "teal" | "blue" | "purple" | "pink" | null;
  position?: string;
}

export interface TodoLists {
  items: Array<TodoList>;
}

export interface TodoPage {
  items: Array<Todo>;
  next_cursor: string | null;
}

export interface Tombstone {
  id: string;
  deleted_at: string;
}

export interface Update {
  op: "update";
  id: string;
  todo: TodoChange;
  if_match?: string | null;
}

export interface Operations {
  "GET /api/v1/todos": { query: { limit?: number; cursor?: string; sort?: "created" | "-created" | "updated" | "-updated" | "due" | "-due" | "priority" | "-priority" | "position" | "-position"; status?: "open" | "done"; priority?: number; list_id?: string; due_before?: string; due_after?: string; due_on?: string; time_zone?: string; q?: string; deleted?: "only" }; body: undefined; answer: TodoPage };
  "POST /api/v1/todos": { query: {  }; body: NewTodo; answer: Todo };
  "DELETE /api/v1/todos": { query: {  }; body: undefined; answer: undefined };
  "POST /api/v1/todos:batch": { query: {  }; body: Batch; answer: BatchResults };
  "GET /api/v1/changes": { query: { since?: string; limit?: number }; body: undefined; answer: Changes };
  "GET /api/v1/export": { query: {  }; body: undefined; answer: Export };
  "GET /api/v1/events": { query: {  }; body: undefined; answer: Event };
  "GET /api/v1/todos/{todo_id}": { query: {  }; body: undefined; answer: Todo };
  "PATCH /api/v1/todos/{todo_id}": { query: {  }; body: TodoChange; answer: Todo };
  "DELETE /api/v1/todos/{todo_id}": { query: {  }; body: undefined; answer: undefined };
  "POST /api/v1/todos/{todo_id}/complete": { query: {  }; body: undefined; answer: Todo };
  "POST /api/v1/todos/{todo_id}/reopen": { query: {  }; body: undefined; answer: Todo };
  "POST /api/v1/todos/{todo_id}/restore": { query: {  }; body: undefined; answer: Todo };
  "GET /api/v1/lists": { query: { deleted?: "only" }; body: undefined; answer: TodoLists };
  "POST /api/v1/lists": { query: {  }; body: NewTodoList; answer: TodoList };
  "GET /api/v1/lists/{list_id}": { query: {  }; body: undefined; answer: TodoList };
  "PATCH /api/v1/lists/{list_id}": { query: {  }; body: TodoListChange; answer: TodoList };
  "DELETE /api/v1/lists/{list_id}": { query: {  }; body: undefined; answer: undefined };
  "POST /api/v1/lists/{list_id}/restore": { query: {  }; body: undefined; answer: TodoList };
  "GET /api/v1/lists/{list_id}/members": { query: {  }; body: undefined; answer: Members };
  "PATCH /api/v1/lists/{list_id}/members/{member_id}": { query: {  }; body: MemberChange; answer: Member };
  "DELETE /api/v1/lists/{list_id}/members/{member_id}": { query: {  }; body: undefined; answer: undefined };
  "GET /api/v1/lists/{list_id}/invitations": { query: {  }; body: undefined; answer: Invitations };
  "POST /api/v1/lists/{list_id}/invitations": { query: {  }; body: NewInvitation; answer: MadeInvitation };
  "DELETE /api/v1/lists/{list_id}/invitations/{invitation_id}": { query: {  }; body: undefined; answer: undefined };
  "POST /api/v1/invitations/show": { query: {  }; body: HeldInvitation; answer: ShownInvitation };
  "POST /api/v1/invitations/accept": { query: {  }; body: Acceptance; answer: TodoList };
}
