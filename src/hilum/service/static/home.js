// The drop zone: films go to the API each in a request of its own, so that one that cannot be read stops no other.
// Without scripts the form sends them.
import { remember, showNames } from "./names.js";

const AT_A_TIME = 4;

const form = document.getElementById("drop");
const input = document.getElementById("film");
const model = document.getElementById("model");
const said = document.getElementById("upload-status");
const errors = document.getElementById("upload-errors");

showNames();
document.getElementById("send").hidden = true;  // choosing sends

async function ask(file) {
  const body = new FormData();
  body.append("film", file, "film");  // not its own name
  const query = model ? `?model=${encodeURIComponent(model.value)}` : "";
  for (;;) {
    const reply = await fetch(`/v1/predictions${query}`, { method: "POST", body }).catch(() => {
      throw new Error("It could not be sent: is the service still running, and is it a file?");
    });
    if (reply.status === 503) {
      const seconds = Number(reply.headers.get("Retry-After") || 1);
      said.textContent = `The service is busy; trying again in ${seconds} s.`;
      await new Promise((resume) => setTimeout(resume, seconds * 1000));
      continue;
    }
    const told = await reply.json().catch(() => ({}));
    if (!reply.ok) throw new Error(told.detail || "The service gave no answer.");
    return told.predictions[0];
  }
}

async function send(files) {
  errors.replaceChildren();
  const waiting = [...files], all = waiting.length;
  let last = null, done = 0;
  const count = () => { said.textContent = all === 1 ? "Reading the film …" : `Reading ${all} films: ${done} are answered …`; };

  async function work() {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      try {
        last = await ask(file);
        remember(last.id, file.name);
        done += 1;
        count();
      } catch (error) {
        const line = document.createElement("li");
        line.textContent = `${file.name}: ${error.message}`;
        errors.append(line);
      }
    }
  }

  form.setAttribute("aria-busy", "true");
  count();
  await Promise.all(Array.from({ length: AT_A_TIME }, work));
  form.removeAttribute("aria-busy");
  input.value = "";
  if (done === all) {
    location.assign(all === 1 ? `/films/${last.id}` : "/");
    return;
  }
  said.textContent = done ? `${done} of ${all} films were answered. ` : "";
  if (done) {
    const link = document.createElement("a");
    link.href = "/";
    link.textContent = "Show them in the work-list";
    said.append(link);
  }
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
