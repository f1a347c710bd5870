// A point on a picture, dragged by pointer or moved by arrow keys; `x` and `y` follow it.
function render({ model, el }) {
  const pad = document.createElement("div");
  const picture = document.createElement("img");
  const handle = document.createElement("div");
  pad.className = "gdl-pad";
  handle.className = "gdl-pad-handle";
  pad.tabIndex = 0;
  pad.setAttribute("role", "slider");
  pad.setAttribute("aria-roledescription", "two-dimensional slider");
  picture.alt = "";
  picture.draggable = false;
  pad.append(picture, handle);
  el.append(pad);

  const clamp = (value, [low, high]) => Math.min(high, Math.max(low, value));
  const share = (value, [low, high]) => (value - low) / (high - low);

  function place() {
    const [left, top, width, height] = model.get("frame");
    const x = share(model.get("x"), model.get("x_range"));
    const y = share(model.get("y"), model.get("y_range"));
    handle.style.left = `${100 * (left + x * width)}%`;
    handle.style.top = `${100 * (top + (1 - y) * height)}%`;
    pad.setAttribute("aria-valuemin", model.get("x_range")[0]);
    pad.setAttribute("aria-valuemax", model.get("x_range")[1]);
    pad.setAttribute("aria-valuenow", model.get("x").toFixed(2));
    const names = model.get("names");
    const said = [model.get("x"), model.get("y")].map((v, i) => `${names[i]} ${v.toFixed(2)}`);
    pad.setAttribute("aria-valuetext", said.join(", "));
  }

  function show() {
    const bytes = model.get("picture");
    const old = picture.src;
    picture.src = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
    if (old) URL.revokeObjectURL(old);
    pad.setAttribute("aria-label", model.get("label"));
  }

  let waiting = false;
  function move(x, y) {
    model.set("x", clamp(x, model.get("x_range")));
    model.set("y", clamp(y, model.get("y_range")));
    place();
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; model.save_changes(); });
  }

  function follow(event) {
    const box = picture.getBoundingClientRect();
    const [left, top, width, height] = model.get("frame");
    const [x0, x1] = model.get("x_range");
    const [y0, y1] = model.get("y_range");
    const across = ((event.clientX - box.left) / box.width - left) / width;
    const down = ((event.clientY - box.top) / box.height - top) / height;
    move(x0 + across * (x1 - x0), y1 - down * (y1 - y0));
  }

  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    pad.focus();
    follow(event);
  });
  pad.addEventListener("pointermove", (event) => { if (event.buttons) follow(event); });
  pad.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    const [dx, dy] = steps[event.key].map((step) => step * (event.shiftKey ? 0.5 : 0.1));
    move(model.get("x") + dx, model.get("y") + dy);
  });

  for (const name of ["x", "y", "x_range", "y_range", "frame"]) model.on(`change:${name}`, place);
  model.on("change:picture", show);
  show();
  place();
}
export default { render };
