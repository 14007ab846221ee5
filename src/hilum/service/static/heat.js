// The heat map: hidden until H is held or its slider is moved, and fetched only then.

const byId = (id) => document.getElementById(id);
const HELD = 65;  // per cent, where the slider says less

export function wireHeat(viewer, address) {
  const fields = [byId("heat"), byId("heat-value")];
  const status = byId("viewer-status");
  let loading = null, wanted = 0;

  async function fetchMap() {
    const reply = await fetch(address);
    if (!reply.ok) {
      const told = await reply.json().catch(() => ({}));
      throw new Error(told.detail || "The heat map could not be drawn.");
    }
    viewer.heat = await createImageBitmap(await reply.blob());
    return isEmpty(viewer.heat) ? "No part of the film stands out: the heat map is empty." : "";
  }

  async function show(share) {
    wanted = share;
    if (share > 0) {
      if (!viewer.heat) status.textContent = "Drawing the heat map …";
      loading ??= fetchMap();
      try {
        status.textContent = await loading;
      } catch (error) {
        status.textContent = error.message;
        loading = null;
        return;
      }
    }
    if (wanted === 0) status.textContent = "";
    viewer.heatShare = wanted / 100;
    viewer.draw();
  }

  for (const field of fields) {
    field.addEventListener("input", () => {
      const share = Math.min(100, Math.max(0, Number(field.value) || 0));
      for (const other of fields) if (other !== field) other.value = share;
      show(share);
    });
  }
  const said = () => Number(fields[0].value);
  return { hold: () => show(Math.max(HELD, said())), release: () => show(said()) };
}

function isEmpty(picture) {
  const context = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
  context.drawImage(picture, 0, 0);
  return !context.getImageData(0, 0, picture.width, picture.height).data.some((value, at) => at % 4 === 3 && value > 0);
}
