// Keys. They act on the film; on the earlier one beside it while that has the focus.

const dialog = document.getElementById("keys-dialog");
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function wireKeys(main, beside, heat) {
  document.getElementById("keys").addEventListener("click", () => dialog.showModal());
  let held = false;

  document.addEventListener("keydown", (event) => {
    const { target } = event;
    const typing = target.matches?.("input[type=number], input:not([type]), select");
    if (event.ctrlKey || event.metaKey || event.altKey || typing || dialog.open) return;
    const earlier = beside.viewer();
    const viewer = earlier && target === earlier.canvas ? earlier : main;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const done = {
      i: () => viewer.invert(),
      r: () => viewer.reset(),
      f: () => viewer.fit(),
      m: () => viewer.toggleRuler(),
      "+": () => viewer.zoomBy(1.25),
      "=": () => viewer.zoomBy(1.25),
      "-": () => viewer.zoomBy(0.8),
      "?": () => dialog.showModal(),
    }[key];
    if (key in ARROWS) {
      if (target !== viewer.canvas) return;  // elsewhere the arrows move sliders and scroll
      arrow(viewer, ARROWS[key], event.shiftKey);
    } else if (key === "h" && heat) {
      if (!held) heat.hold();
      held = true;
    } else if (/^[1-4]$/.test(key)) {
      const preset = viewer.presets?.[Number(key) - 1];
      if (preset) viewer.setWindow(preset[1], preset[2]);
    } else if (done) {
      done();
    } else {
      return;
    }
    event.preventDefault();
  });

  const release = () => {
    if (held) heat.release();
    held = false;
  };
  document.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "h") release(); });
  window.addEventListener("blur", release);
}

function arrow(viewer, [x, y], shift) {
  if (viewer.ruling) {
    const step = Math.max(1, Math.round(viewer.film.width / 200));
    viewer.moveRuler(shift ? 0 : 1, x * step, y * step);
  } else if (shift) {
    viewer.pan(x * 40, y * 40);
  } else {
    const step = Math.max(1, Math.round(viewer.width / 50));
    viewer.setWindow(viewer.centre + y * step, viewer.width + x * step);
  }
}
