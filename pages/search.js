// Sections that hold every word that is typed; those with a word in their title come first.
const field = document.getElementById("search");
const list = document.getElementById("found");

function matches(words) {
  const scored = SECTIONS.map(section => {
    const title = (section.page + " " + section.title).toLowerCase();
    const text = title + " " + section.text.toLowerCase();
    const all = words.every(word => text.includes(word));
    return {section, score: all ? 1 + words.filter(word => title.includes(word)).length : 0};
  });
  return scored.filter(one => one.score).sort((a, b) => b.score - a.score).slice(0, 20);
}

function show() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length ? matches(words) : [];
  list.replaceChildren(...found.map(({section}) => {
    const link = document.createElement("a");
    link.href = section.to;
    link.textContent = section.page === section.title
      ? section.page : section.page + ": " + section.title;
    const item = document.createElement("li");
    item.append(link);
    return item;
  }));
  if (words.length && !found.length) {
    list.textContent = "No section holds all these words.";
  }
}

field.addEventListener("input", show);
