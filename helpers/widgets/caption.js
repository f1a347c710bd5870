// A line of text that screen readers announce, and names for the neighbouring controls:
// sliders and the numbers beside them take the name printed there, pictures the text of
// `alternatives`, in order. Below it what was saved, and a link for each file: the bytes are here
// already, so no network is asked.
function render({ model, el }) {
  const text = document.createElement("div");
  text.className = "gdl-caption";
  text.setAttribute("aria-live", "polite");
  const saved = document.createElement("div");
  const links = document.createElement("div");
  saved.setAttribute("aria-live", "polite");
  saved.className = links.className = "gdl-saved";
  el.append(text, saved, links);

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
      control.querySelectorAll("[contenteditable=true]").forEach((number) => {
        number.setAttribute("role", "textbox");
        number.setAttribute("aria-label", `${label.textContent}, to type`);
      });
    }
  }

  const say = () => { text.textContent = model.get("text"); };
  const tell = () => { saved.textContent = model.get("saved"); };
  function offer() {
    for (const link of links.children) URL.revokeObjectURL(link.href);
    links.replaceChildren(...Object.entries(model.get("files")).map(([name, bytes]) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([bytes], { type: "image/" + name.split(".").pop() }));
      link.download = name;
      link.textContent = `Download ${name}`;
      return link;
    }));
  }
  model.on("change:text", say);
  model.on("change:saved", tell);
  model.on("change:files", offer);
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
  tell();
  offer();
  return () => { clearInterval(wait); watcher.disconnect(); };
}
export default { render };
