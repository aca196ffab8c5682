import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Application } from "./application.tsx";
import { takeInvitation } from "./lib/invitations.ts";
import { findLanguage, speak } from "./lib/language.ts";
import "./styles.css";

takeInvitation();
await speak(findLanguage(document.cookie, navigator.languages));

const root = document.getElementById("application");
if (root === null) throw new Error("index.html has no #application");
createRoot(root).render(
  <StrictMode>
    <Application />
  </StrictMode>,
);
