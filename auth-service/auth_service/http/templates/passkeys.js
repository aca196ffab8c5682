// Passkeys on the sign-in page and on the page of one's passkeys. Forms say what they are for in `data-passkey`: the
// script asks the authenticator, puts its answer into the form's field `passkey`, and submits. Without this script, or
// in a browser without passkeys, those forms are not shown. It runs before the page is drawn, so that nothing moves.
"use strict";
(() => {
  const known = window.PublicKeyCredential;
  if (!known?.parseCreationOptionsFromJSON || !known.parseRequestOptionsFromJSON) return;
  document.documentElement.classList.add("passkeys");

  const CHALLENGE_MS = 4 * 60 * 1000; // a challenge lasts five minutes
  let waiting = new AbortController(); // of the browser's autofill; an authenticator serves one request at a time

  async function options(name) {
    const response = await fetch(`/api/auth/passkey/generate-${name}-options`, { credentials: "same-origin" });
    if (response.status === 401 || response.status === 403) location.reload(); // the page says what to do first
    if (!response.ok) throw new Error(`status ${response.status}`);
    return response.json();
  }

  async function create() {
    const publicKey = known.parseCreationOptionsFromJSON(await options("register"));
    return navigator.credentials.create({ publicKey });
  }

  async function get(more) {
    const publicKey = known.parseRequestOptionsFromJSON(await options("authenticate"));
    return navigator.credentials.get({ publicKey, ...more });
  }

  function send(form, credential) {
    form.elements.passkey.value = JSON.stringify(credential);
    const remember = document.getElementById("remember");
    if (remember && form.elements.remember) form.elements.remember.disabled = !remember.checked;
    form.submit();
  }

  // Each sentence is a hidden element of the form, by the name of the error.
  function tell(form, error) {
    const sentences = [...form.querySelectorAll("[data-on]")];
    const said = sentences.find((each) => each.dataset.on === error.name) ?? sentences.at(-1);
    for (const each of sentences) each.hidden = each !== said;
  }

  async function press(form, button) {
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    waiting.abort("another");
    try {
      send(form, await (form.dataset.passkey === "add" ? create() : get({})));
    } catch (error) {
      tell(form, error);
      offer(form);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  // The browser offers passkeys where it offers addresses (conditional mediation), until one is chosen.
  async function offer(form) {
    if (!document.querySelector('input[autocomplete~="webauthn"]')) return;
    if (!(await known.isConditionalMediationAvailable?.())) return;
    const asked = (waiting = new AbortController());
    const late = setTimeout(() => asked.abort("late"), CHALLENGE_MS);
    try {
      send(form, await get({ mediation: "conditional", signal: asked.signal }));
    } catch {
      if (asked.signal.reason === "late") whenVisible(() => offer(form));
    } finally {
      clearTimeout(late);
    }
  }

  function whenVisible(then) {
    if (document.visibilityState === "visible") return then();
    document.addEventListener("visibilitychange", () => whenVisible(then), { once: true });
  }

  // Tells the password manager what was removed or renamed here, where browsers can (Web Authentication Level 3 §5.1.10).
  function signal({ name, of }) {
    known[name]?.(JSON.parse(of)).catch(() => {});
  }

  addEventListener("DOMContentLoaded", () => {
    for (const each of document.querySelectorAll("[data-signal]"))
      signal({ name: each.dataset.signal, of: each.value });
    for (const form of document.querySelectorAll("form[data-passkey]")) {
      form.addEventListener("submit", (event) => {
        const button = event.submitter ?? form.querySelector("button");
        if ("plain" in button.dataset) return; // another button of the form, which needs no passkey
        event.preventDefault();
        press(form, button);
      });
    }
  });
  addEventListener("pageshow", () => document.querySelectorAll('form[data-passkey="sign-in"]').forEach(offer));
})();
