// The drop zone: films go to the API one by one, so that each has an answer of its own; without this the form sends them.
import { remember, showNames } from "./names.js";

const form = document.getElementById("drop");
const input = document.getElementById("film");
const model = document.getElementById("model");
const said = document.getElementById("upload-status");
const errors = document.getElementById("upload-errors");

showNames();

async function ask(file) {
  const body = new FormData();
  body.append("film", file, "film");  // not its own name
  const query = model ? `?model=${encodeURIComponent(model.value)}` : "";
  for (;;) {
    const reply = await fetch(`/v1/predictions${query}`, { method: "POST", body });
    if (reply.status === 503) {
      const seconds = Number(reply.headers.get("Retry-After") || 1);
      said.textContent = `The service is busy; trying again in ${seconds} s.`;
      await new Promise((resume) => setTimeout(resume, seconds * 1000));
      continue;
    }
    const told = await reply.json();
    if (!reply.ok) throw new Error(told.detail || "The service gave no answer.");
    return told.predictions[0];
  }
}

async function send(files) {
  errors.replaceChildren();
  const films = [...files];
  let last = null, done = 0;
  form.setAttribute("aria-busy", "true");
  for (const file of films) {
    said.textContent = films.length === 1 ? "Reading the film …" : `Reading film ${done + 1} of ${films.length} …`;
    try {
      last = await ask(file);
      remember(last.id, file.name);
      done += 1;
    } catch (error) {
      const line = document.createElement("li");
      line.textContent = `${file.name}: ${error.message}`;
      errors.append(line);
    }
  }
  form.removeAttribute("aria-busy");
  input.value = "";
  if (films.length === 1 && last) location.assign(`/films/${last.id}`);
  else if (done && !errors.childElementCount) location.assign("/");
  else said.textContent = done ? `${done} of ${films.length} films were answered; they are in the work-list below after a reload.` : "";
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (input.files.length) send(input.files);
});
input.addEventListener("change", () => { if (input.files.length) send(input.files); });
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => { event.preventDefault(); form.classList.add("over"); });
}
document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) form.classList.remove("over"); });
document.addEventListener("drop", (event) => {
  event.preventDefault();
  form.classList.remove("over");
  if (event.dataTransfer.files.length) send(event.dataTransfer.files);
});
