// A button beside each password field that shows what was typed. Its words are attributes of the page's body, in the
// language of the page. Without this script there is no button, and nothing else is missing.
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
