// A button beside each password field that shows what was typed, and the server's verdict below a new password. Their
// words are attributes of the page, in its language. Without this script nothing else is missing.
"use strict";
addEventListener("DOMContentLoaded", () => {
  const words = document.body.dataset;
  for (const input of document.querySelectorAll('input[type="password"]')) {
    const button = document.createElement("button");
    const show = (isShown) => {
      input.type = isShown ? "text" : "password";
      button.textContent = isShown ? words.hide : words.show;
      button.setAttribute("aria-pressed", String(isShown));
    };
    Object.assign(button, { type: "button", className: "reveal", ariaLabel: words.reveal });
    button.setAttribute("aria-controls", input.id);
    button.addEventListener("click", () => show(input.type === "password"));
    input.form?.addEventListener("submit", () => show(false)); // a browser saves the value of a password field only
    show(false);
    input.after(button);
  }
});

// The judge is the one that decides when the form is sent, so nothing is praised that is refused for the same reason
// later. It is asked about the new password only. Without an answer the rules stay.
addEventListener("DOMContentLoaded", () => {
  const PAUSE_MS = 300; // without a key, before the server is asked
  const advice = document.querySelector(".advice");
  if (!advice) return;
  const input = document.getElementById("password");
  const verdict = document.getElementById("password-verdict");
  const { name, email, username } = input.form.elements;
  let pause;
  let asked = new AbortController();

  function tell(code) {
    const sentence = advice.dataset[code] ?? "";
    verdict.className = `hint ${code === "accepted" ? "accepted" : "refused"}`;
    if (verdict.textContent !== sentence) verdict.textContent = sentence; // the same is not read aloud again
    if (sentence) dropRefusal();
  }

  // What the form was refused for was about another password. It keeps its room.
  function dropRefusal() {
    input.parentElement.querySelector(".field-error")?.classList.add("answered");
    input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", "password-hint");
  }

  async function ask(signal) {
    const about = { name: name?.value ?? advice.dataset.person, email: (email ?? username).value };
    const response = await fetch("/api/auth/password-verdict", {
      method: "POST",
      credentials: "omit",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ password: input.value, ...about }),
      signal,
    });
    const { accepted, code } = await response.json();
    return accepted ? "accepted" : code.toLowerCase();
  }

  function judge() {
    clearTimeout(pause);
    asked.abort();
    if (input.value.length < input.minLength) return tell("");
    const { signal } = (asked = new AbortController());
    const say = (code) => signal.aborted || tell(code);
    pause = setTimeout(() => ask(signal).then(say, () => say("")), PAUSE_MS);
  }

  for (const each of [input, name, email]) each?.addEventListener("input", judge);
});
