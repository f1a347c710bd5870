// A line of text that screen readers announce, and names for the neighbouring controls:
// sliders take the name printed beside them, pictures the text of `alternatives`, in order.
function render({ model, el }) {
  const text = document.createElement("div");
  text.className = "gdl-caption";
  text.setAttribute("aria-live", "polite");
  el.append(text);

  function name() {
    const lab = el.closest(".gdl-lab");
    if (!lab) return;
    const alternatives = model.get("alternatives");
    lab.querySelectorAll("img.widget-image").forEach((picture, i) => {
      picture.alt = alternatives[i] ?? "";
    });
    for (const control of lab.querySelectorAll(".widget-inline-hbox, .jupyter-widgets")) {
      const label = control.querySelector(":scope > .widget-label");
      const handles = control.querySelectorAll(".noUi-handle, [role=progressbar], .progress-bar");
      if (!label) continue;
      handles.forEach((handle) => handle.setAttribute("aria-label", label.textContent));
    }
  }

  const say = () => { text.textContent = model.get("text"); };
  model.on("change:text", say);
  model.on("change:alternatives", name);
  const watcher = new MutationObserver(name);
  const wait = setInterval(() => {
    const lab = el.closest(".gdl-lab");
    if (!lab) return;
    clearInterval(wait);
    watcher.observe(lab, { childList: true, subtree: true });
    name();
  }, 50);
  say();
  return () => { clearInterval(wait); watcher.disconnect(); };
}
export default { render };
