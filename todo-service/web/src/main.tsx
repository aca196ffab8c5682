import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Application } from "./application.tsx";
import { takeInvitation } from "./lib/invitations.ts";
import { findLanguage, language, speak } from "./lib/language.ts";
import { wearChosen } from "./lib/look.ts";
// In this order: of two equally strong rules the later one counts.
import "./styles/frame.css";
import "./styles/controls.css";
import "./styles/sign-in.css";
import "./styles/side.css";
import "./styles/composer.css";
import "./styles/rows.css";
import "./styles/dialogs.css";
import "./styles/details.css";
import "./styles/widths.css";
import "./styles/notices.css";
import "./styles/account.css";
import "./styles/smallest.css";

takeInvitation();
wearChosen();
const manifest = await speak(findLanguage(document.cookie, navigator.languages));
document.documentElement.lang = language();
if (manifest) document.querySelector('link[rel="manifest"]')?.setAttribute("href", manifest);

const root = document.getElementById("application");
if (root === null) throw new Error("index.html has no #application");
createRoot(root).render(
  <StrictMode>
    <Application />
  </StrictMode>,
);
