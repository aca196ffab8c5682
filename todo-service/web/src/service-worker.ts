// Opens the application without a network. It keeps the page and the files that the page names: nothing of a person, no
// answer of an API, and it never touches the issuer's own pages. It only notices that they are visited: a sign-out there must
// leave nothing on this device, also if no page of the application is open.
//
// The worker does not know its build. It keeps the page that the network has sent last, after all files of that page are
// kept, and deletes the others then. So page and files are always of one build, also while two builds answer in turns.

/// <reference lib="webworker" />

export {}; // a module for the type checker; the build makes a plain script of it
declare const self: ServiceWorkerGlobalScope;

const KEPT = "application-1";
const PAGE = "/"; // all pages are one document
const PAGES = ["/", "/sign-in", "/sign-up", "/settings", "/invitation"]; // as in lib/return-to.ts
const PATIENCE = 4_000; // milliseconds for the network, if the page is kept
const SIGNING_OUT = 2_000; // milliseconds after which a sign-out that begins with a visit has happened
const SHELF = "todos"; // the database of lib/shelf.ts

self.addEventListener("install", (event) => {
  void self.skipWaiting();
  event.waitUntil(fetch(PAGE, { cache: "no-cache" }).then(keep));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([self.clients.claim(), deleteOlder()]));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (origin !== self.location.origin) return;
  if (request.mode === "navigate" && !PAGES.includes(pathname)) event.waitUntil(forgetIfNobody());
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    if (PAGES.includes(pathname)) event.respondWith(showPage(event));
  } else if (pathname.startsWith("/assets/") || pathname === "/favicon.svg") {
    event.respondWith(showFile(request));
  }
});

/** The network's page; without an answer, or with a fault of the service, the kept one. */
async function showPage(event: FetchEvent): Promise<Response> {
  const fetched = fetch(event.request);
  const copy = fetched.then((response) => response.clone());
  event.waitUntil(copy.then(keep).catch(() => undefined)); // the page before stays
  const kept = await find(PAGE);
  if (kept === undefined) return fetched;
  const late = new Promise<Response>((resolve) => setTimeout(() => resolve(kept), PATIENCE));
  try {
    const first = await Promise.race([fetched, late]);
    return first.status < 500 ? first : kept;
  } catch {
    return kept;
  }
}

async function showFile(request: Request): Promise<Response> {
  return (await find(request.url)) ?? fetch(request);
}

async function find(url: string): Promise<Response | undefined> {
  return (await caches.open(KEPT)).match(url, { ignoreVary: true }); // this browser asks for one encoding
}

let underWay: Promise<void> = Promise.resolve();

/** One after another: two pages of different builds would delete each other's files. */
function keep(page: Response): Promise<void> {
  underWay = underWay.catch(() => undefined).then(() => keepNow(page));
  return underWay;
}

async function keepNow(page: Response): Promise<void> {
  if (!page.ok || page.redirected) return;
  const cache = await caches.open(KEPT);
  const before = await cache.match(PAGE, { ignoreVary: true });
  if (before && before.headers.get("ETag") === page.headers.get("ETag")) return;
  const files = filesOf(await page.clone().text());
  for (const file of files) {
    if (await cache.match(file, { ignoreVary: true })) continue;
    const response = await fetch(file);
    if (!response.ok) throw new Error(`${file} is missing`);
    await cache.put(file, response);
  }
  await cache.put(PAGE, page);
  for (const { url } of await cache.keys()) {
    const { pathname } = new URL(url);
    if (pathname !== PAGE && !files.includes(pathname)) await cache.delete(url);
  }
}

/** All files that the page names: the build lists those that are loaded later in a `meta` element. */
function filesOf(html: string): string[] {
  return [...new Set(["/favicon.svg", ...(html.match(/\/assets\/[\w.-]+/g) ?? [])])];
}

/** If nobody is signed in any more, what the device keeps is deleted: by an open page of the application, else here. */
async function forgetIfNobody(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, SIGNING_OUT));
  if (!(await indexedDB.databases()).some(({ name }) => name === SHELF)) return;
  const answer = await fetch("/api/auth/get-session");
  if (!answer.ok || (await answer.json()) !== null) return;
  const windows = await self.clients.matchAll({ type: "window" });
  const pages = windows.filter(({ url }) => PAGES.includes(new URL(url).pathname));
  for (const page of pages) page.postMessage("nobody is signed in"); // it looks by itself, and keeps what was not sent
  if (pages.length > 0) return;
  const opening = indexedDB.open(SHELF);
  opening.onsuccess = () => {
    const database = opening.result;
    const stores = [...database.objectStoreNames];
    for (const each of stores) database.transaction(each, "readwrite").objectStore(each).clear();
    database.close(); // after the transactions
  };
}

async function deleteOlder(): Promise<void> {
  for (const name of await caches.keys()) if (name !== KEPT) await caches.delete(name);
}
