// The session, by the unmodified Better Auth client. Its cookie, which no script can read, is also the session of the
// hosted pages: a person who signs in there is signed in here, and the other way round.

import { jwtClient, twoFactorClient } from "better-auth/client/plugins";
import { createAuthClient } from "better-auth/react";
import { Failure, kindOf, parseRetryAfter, translate } from "./failure.ts";
import { said, type Text } from "./language.ts";
import { usePasskey } from "./passkey.ts";

export const client = createAuthClient({ plugins: [jwtClient(), twoFactorClient()] }); // at this page's origin, below /api/auth

const UNVERIFIED: Text = "Confirm your address first: a mail with a link is on its way.";

export interface Person {
  id: string;
  name: string;
  email: string;
}

/** `unknown`: auth-service does not answer, so the page cannot know whether somebody is signed in. */
export type SessionState =
  | { is: "pending" }
  | { is: "unknown"; retry: () => void }
  | { is: "signed-out" }
  | { is: "signed-in"; person: Person; handle: string };

export function useSession(): SessionState {
  const { data, error, isPending, refetch } = client.useSession();
  if (data) return { is: "signed-in", person: data.user, handle: data.session.token };
  if (isPending) return { is: "pending" };
  return error && error.status !== 401 ? { is: "unknown", retry: () => void refetch() } : { is: "signed-out" };
}

/** `unknown`: there was no answer. `lifetime`: milliseconds that the session lives if it is not used any more. */
export type Somebody = { person: Person; lifetime: number } | "nobody" | "unknown";

/** Calls `notice` when it becomes known who is signed in, whenever that changes, and when it cannot be known. */
export function onPersonChange(notice: (who: Somebody) => void): void {
  client.$store.atoms.session?.subscribe(({ data, error, isPending }: SessionAnswer) => {
    if (data) {
      const { id, name, email } = data.user;
      const lifetime = data.session.expiresAt.getTime() - data.session.updatedAt.getTime();
      notice({ person: { id, name, email }, lifetime });
    } else if (!isPending) {
      notice(error && error.status !== 401 ? "unknown" : "nobody");
    }
  });
}

interface SessionAnswer {
  data: { user: Person; session: { expiresAt: Date; updatedAt: Date } } | null;
  error: { status?: number } | null;
  isPending: boolean;
}

/** Fetches the session again, because an answer of the API says that nobody is signed in. */
export function checkSession(): void {
  client.$store.notify("$sessionSignal");
}

export async function fetchToken(): Promise<string> {
  return (await ask((options) => client.token({}, options))).token;
}

/** What comes after a password: `code`: `enterCode` completes the sign-in; `set-up`: the hosted page does. */
export type Step = "signed-in" | "code" | "set-up";

const HOSTED = {
  forgotten: "/reset-password?", // mails a link for a new password
  byMail: "/signin?by=mail&", // mails a link and a code, either of which signs in
  lost: "/recovery?", // replaces a second factor that is lost, in the middle of a sign-in
  setUp: "/second-factor-setup?", // a person who has to have a second factor sets one up, and is signed in then
} as const;

/** The address of a hosted page that leads back to this application's page `returnTo`, also by a link that it mails. */
export function hosted(page: keyof typeof HOSTED, returnTo: string): string {
  return HOSTED[page] + String(new URLSearchParams({ callbackURL: returnTo }));
}

/** Fails as `unverified` if the address has to be confirmed first. */
export async function signUp(asked: {
  name: string;
  email: string;
  password: string;
  rememberMe: boolean;
}): Promise<Step> {
  const answer = await ask((options) => client.signUp.email(asked, options));
  const step = stepOf(answer);
  if (step !== "signed-in") return step;
  if (answer.token === null) throw new Failure("unverified", said(UNVERIFIED));
  await requireKept();
  return step;
}

/** Fails as `unverified` if the address has to be confirmed first. */
export async function signIn(asked: { email: string; password: string; rememberMe: boolean }): Promise<Step> {
  const step = stepOf(await ask((options) => client.signIn.email(asked, options)));
  awaitsCode = step === "code";
  if (step === "signed-in") await requireKept();
  return step;
}

function stepOf(answer: object): Step {
  if (!("twoFactorRedirect" in answer)) return "signed-in";
  const methods = "twoFactorMethods" in answer ? answer.twoFactorMethods : null;
  return Array.isArray(methods) && methods.length === 0 ? "set-up" : "code";
}

/** Why the server would refuse this password; null: it would not. It is the judge of the forms, too. */
export async function findRefusal(password: string, name: string, email: string): Promise<string | null> {
  const verdict = await ask<Verdict>((options) =>
    client.$fetch<Verdict>("/password-verdict", { method: "POST", body: { password, name, email }, ...options }),
  );
  if (verdict.accepted) return null;
  const known = REFUSALS[verdict.code ?? ""]?.[1];
  return known ? said(known) : (verdict.message ?? said("This password would be refused."));
}

interface Verdict {
  accepted: boolean;
  code: string | null;
  message: string | null;
}

/** Another mail with the link that confirms the address. The answer is the same for every address. */
export async function sendVerification(email: string): Promise<void> {
  await ask((options) => client.sendVerificationEmail({ email }, options));
}

/** Whether this browser can use passkeys. */
export function knowsPasskeys(): boolean {
  return typeof PublicKeyCredential !== "undefined" && "parseRequestOptionsFromJSON" in PublicKeyCredential;
}

export async function signInByPasskey(): Promise<void> {
  const asked = await ask((options) =>
    client.$fetch<PublicKeyCredentialRequestOptionsJSON>("/passkey/generate-authenticate-options", options),
  );
  const body = await usePasskey(asked);
  await ask((options) => client.$fetch("/passkey/verify-authentication", { method: "POST", body, ...options }));
  awaitsCode = false;
  await requireKept();
  checkSession();
}

/** Another site at which people may sign in. */
export interface Provider {
  id: string;
  name: string;
}

export async function listProviders(): Promise<Provider[]> {
  return ask((options) => client.$fetch<Provider[]>("/list-providers", options));
}

/** Whether auth-service sends mails. */
export async function sendsMail(): Promise<boolean> {
  return (await ask((options) => client.$fetch<{ mail: boolean }>("/capabilities", options))).mail;
}

/** Leaves for the provider. The browser comes back to `returnTo`, or to `failed` with the parameter `error`. */
export async function signInElsewhere(provider: string, returnTo: string, failed: string): Promise<void> {
  const asked = { provider, callbackURL: returnTo, errorCallbackURL: failed };
  await ask((options) => client.signIn.social(asked, options));
}

const ELSEWHERE: Record<string, Text> = {
  access_denied: "You did not continue there. Try again, or sign in another way.",
  account_not_linked: "There is an account with that address. Sign in to it, then connect the other site in Settings.",
  email_not_found: "The other site did not tell your email address, which an account here needs.",
  email_not_verified: UNVERIFIED,
  signup_disabled: "No account here is connected to you there. Sign in another way.",
  account_suspended: "This account is suspended.",
  temporarily_unavailable: "The other site cannot be used right now. Try again in a moment, or sign in another way.",
};

/** What went wrong at another site, by the code in this page's address; null: nothing did. */
export function sayElsewhere(error: string | null): string | null {
  return error === null ? null : said(ELSEWHERE[error] ?? "That did not work. Try again, or sign in another way.");
}

let awaitsCode = false;

/** Whether a sign-in of this page waits for a code: the sign-in page then asks for it, not for the password. */
export function isCodeAwaited(): boolean {
  return awaitsCode;
}

/** A code of the authenticator app, or a recovery code. It fails as `stale` if the sign-in has to begin anew. */
export async function enterCode(asked: { code: string; isRecoveryCode: boolean; trust: boolean }): Promise<void> {
  const body = { code: asked.isRecoveryCode ? asked.code : asked.code.replaceAll(" ", ""), trustDevice: asked.trust };
  await ask((options) =>
    asked.isRecoveryCode
      ? client.twoFactor.verifyBackupCode(body, options)
      : client.twoFactor.verifyTotp(body, options),
  );
  awaitsCode = false;
  await requireKept();
}

/** Fails if the browser did not keep the cookie of the new session. Otherwise the form would just be there again. */
async function requireKept(): Promise<void> {
  const { data, error } = await client.getSession({}, { timeout: 15_000 });
  if (data === null && error === null)
    throw new Failure(
      "invalid",
      said(
        "Your browser did not keep the sign-in. Allow cookies for this site. If they are allowed, another application of this site is in the way: delete this site’s cookies, and sign in again.",
      ),
    );
}

export async function signOut(): Promise<void> {
  await ask((options) => client.signOut({}, options));
}

/** Ends every session of this account, this one too. */
export async function signOutEverywhere(): Promise<void> {
  await ask((options) => client.revokeSessions({}, options));
}

export async function changeName(name: string): Promise<void> {
  await ask((options) => client.updateUser({ name }, options));
}

export async function changePassword(asked: {
  currentPassword: string;
  newPassword: string;
  revokeOtherSessions: boolean;
}): Promise<void> {
  await ask((options) => client.changePassword(asked, options));
}

/** Whether the account has a password. One without signs in by a passkey, by mail or at another site. */
export async function hasPassword(): Promise<boolean> {
  const ways = await ask((options) => client.listAccounts({}, options));
  return ways.some((each) => each.providerId === "credential");
}

/** The hosted form for a first password. It asks for a new sign-in, if the last one was a while ago. */
export const FIRST_PASSWORD = "/account?change=password";

export interface Device {
  handle: string; // names the session in a revocation; it does not authenticate
  userAgent: string;
  address: string;
  signedInAt: Date;
  refreshedAt: Date;
}

let replacement = Promise.resolve(); // replaces a session by another; a list fetched before its end would show both

/** Fails as `stale` if the sign-in was long ago: then call `confirm` with the password first. */
export async function listDevices(): Promise<Device[]> {
  await replacement.catch(() => {}); // the caller of confirm() gets its failure
  const sessions = await ask((options) => client.listSessions({}, options));
  return sessions.map((each) => ({
    handle: each.token,
    userAgent: each.userAgent ?? "",
    address: each.ipAddress ?? "",
    signedInAt: each.createdAt,
    refreshedAt: each.updatedAt,
  }));
}

/** Signs in again and revokes the old session, which was too old for the action. */
export async function confirm(email: string, password: string, oldHandle: string): Promise<void> {
  replacement = signIn({ email, password, rememberMe: true }).then(async (step) => {
    if (step === "signed-in") await revokeDevice(oldHandle);
  });
  await replacement;
}

export async function revokeDevice(handle: string): Promise<void> {
  await ask((options) => client.revokeSession({ token: handle }, options));
}

export async function revokeOtherDevices(): Promise<void> {
  await ask((options) => client.revokeOtherSessions({}, options));
}

interface Refusal {
  status: number;
  code?: string | undefined;
  message?: string | undefined;
}

interface Options {
  onError: (context: { response: Response }) => void;
  timeout: number;
}

/** Makes one of the client's calls and returns its data; throws a Failure for everything else. */
async function ask<T>(
  call: (options: Options) => Promise<{ data: T; error: null } | { data: null; error: Refusal }>,
): Promise<NonNullable<T>> {
  let headers = new Headers();
  try {
    const { data, error } = await call({
      onError: ({ response }) => void (headers = response.headers),
      timeout: 15_000,
    });
    if (error) throw refuse(error, headers, Date.now());
    if (data === null || data === undefined)
      throw new Failure("broken", said("The answer was empty. Try again in a moment."));
    return data;
  } catch (error) {
    throw translate(error);
  }
}

/** For each error code the field that it concerns, and the sentence. */
const REFUSALS: Record<string, [field: string | undefined, sentence: Text]> = {
  INVALID_EMAIL_OR_PASSWORD: ["password", "The email address or the password is wrong."],
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: ["email", "There is an account with this address already. Sign in instead."],
  INVALID_CODE: ["code", "This code is not valid. Enter the newest one; each works once."],
  INVALID_BACKUP_CODE: ["code", "This is none of your recovery codes, or it was used already."],
  INVALID_EMAIL: ["email", "This is not an email address."],
  PASSWORD_TOO_SHORT: ["newPassword", "Use at least 8 characters."],
  PASSWORD_TOO_LONG: ["newPassword", "Use at most 128 characters."],
  PASSWORD_PERSONAL: ["newPassword", "This password is little more than your name or address. Choose another."],
  PASSWORD_COMPROMISED: [
    "newPassword",
    "This password is among the most common ones, or other services have lost it. Choose another.",
  ],
  INVALID_PASSWORD: ["currentPassword", "This is not your password."],
  ACCOUNT_SUSPENDED: [undefined, "This account is suspended."],
  CHALLENGE_NOT_FOUND: [undefined, "That took too long. Try again."],
  PASSKEY_NOT_FOUND: [undefined, "This passkey belongs to no account here any more. Sign in with your password."],
  PROVIDER_UNAVAILABLE: [undefined, "The other site cannot be used right now. Try again in a moment."],
  AUTHENTICATION_FAILED: [undefined, "This passkey could not be checked. Try again, or sign in with your password."],
};

export function refuse(error: Refusal, headers: Headers, now: number): Failure {
  const retryAt = parseRetryAfter(headers.get("Retry-After") ?? headers.get("X-Retry-After"), now);
  if (error.status === 429) return new Failure("limited", said("Too many attempts."), { retryAt });
  if (error.code === "INVALID_TWO_FACTOR_COOKIE" || error.code === "TOO_MANY_ATTEMPTS_REQUEST_NEW_CODE")
    return new Failure("stale", said("There was no valid code in time. Enter your password again."));
  if (error.code === "EMAIL_NOT_VERIFIED") return new Failure("unverified", said(UNVERIFIED));
  if (error.code === "SESSION_NOT_FRESH") return new Failure("stale", said("Confirm that it is you."));
  const [field = fieldOf(error.message), known] = REFUSALS[error.code ?? ""] ?? [];
  const isWrong = ["INVALID_EMAIL_OR_PASSWORD", "INVALID_CODE", "INVALID_BACKUP_CODE", "PASSKEY_NOT_FOUND"].includes(
    error.code ?? "",
  );
  const kind = isWrong ? "invalid" : kindOf(error.status);
  const sentence = known ? said(known) : sayOtherwise(error);
  return new Failure(kind, sentence, { field, reference: headers.get("X-Request-ID") ?? undefined });
}

/** The field in a message like `[body.email] …`, by which the protocol names the wrong member. */
function fieldOf(message: string | undefined): string | undefined {
  return /^\[body\.(\w+)\]/.exec(message ?? "")?.[1];
}

function sayOtherwise({ status, message }: Refusal): string {
  if (status === 401) return said("Your session has ended.");
  if (kindOf(status) === "unreachable") return said("Signing in is not possible right now. Try again in a moment.");
  if (status >= 500) return said("Something is broken on our side. Try again in a moment.");
  return message?.replace(/^\[body\.\w+\] /, "") ?? said("This was refused ({status}).", { status });
}
