// The panel beside the drawing: all that is known of one box.

function element(name, text = "", attributes = {}) {
  const made = document.createElement(name);
  made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function showDetails(panel, box, details, measured, onClose) {
  panel.replaceChildren();
  const close = element("button", "×", { class: "close", "aria-label": "Close details", type: "button" });
  close.addEventListener("click", onClose);
  panel.append(close, element("h2", box.label || box.fields.map((field) => field.name).join(", ")));
  const known = details[box.path] || {};
  panel.append(element("p", [box.path, known.place].filter(Boolean).join(" · ") || kindOf(box), { class: "path" }));
  const remarks = [...box.remarks, ...(known.remarks || [])];
  if (remarks.length) {
    const list = element("ul", "", { class: "remarks" });
    list.append(...remarks.map((remark) => element("li", remark)));
    panel.append(list);
  }
  if (known.doc) panel.append(element("p", known.doc));
  if (measured) addMeasured(panel, measured);
  addTable(panel, box.is_node ? "Gives" : "Values", box.fields.map((field) => [field.name, field.type]));
  addTable(panel, "Reads", (known.parameters || []).map((each) => [each.name, each.type, each.note]));
  for (const { title, code } of known.codes || []) {
    panel.append(element("h3", title));
    const pre = element("pre", "", { tabindex: "0" });
    highlight(pre, code);
    panel.append(pre);
  }
  panel.hidden = false;
}

function kindOf(box) {
  if (box.state === "bound") return "bound input";
  return box.state === "optional" ? "input with a default" : box.kind;
}

function addTable(panel, title, rows) {
  if (!rows.length) return;
  panel.append(element("h3", title));
  const table = element("table");
  for (const row of rows) {
    const line = element("tr");
    line.append(...row.map((cell) => element("td", cell || "")));
    table.append(line);
  }
  panel.append(table);
}

function addMeasured(panel, measured) {
  panel.append(element("h3", "Run"));
  const tiles = element("div", "", { class: "tiles" });
  const shown = [
    [measured.runs, "executed"],
    [measured.hits, "hits"],
    [measured.errors, "errors"],
    [formatSeconds(measured.seconds), "time"],
  ];
  for (const [value, label] of shown) {
    const tile = element("div");
    tile.append(element("b", String(value)), element("span", label));
    tiles.append(tile);
  }
  panel.append(tiles);
  for (const reason of measured.reasons || []) panel.append(element("p", reason));
}

function formatSeconds(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds >= 120) return `${(seconds / 60).toFixed(1)} min`;
  if (seconds >= 1) return `${seconds.toPrecision(3)} s`;
  if (seconds >= 0.001) return `${(seconds * 1000).toPrecision(3)} ms`;
  return seconds ? `${(seconds * 1e6).toPrecision(2)} µs` : "0 s";
}

const PYTHON = /(#.*)|("""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|\b(and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|None|nonlocal|not|or|pass|raise|return|True|False|try|while|with|yield)\b/g;

function highlight(parent, code) {
  let end = 0;
  for (const match of code.matchAll(PYTHON)) {
    parent.append(code.slice(end, match.index));
    const kind = match[1] ? "co" : match[2] ? "st" : "kw";
    parent.append(element("span", match[0], { class: kind }));
    end = match.index + match[0].length;
  }
  parent.append(code.slice(end));
}
