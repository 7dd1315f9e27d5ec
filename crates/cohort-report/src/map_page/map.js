"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const stage = document.getElementById("stage");
  const canvas = document.getElementById("map");
  const card = document.getElementById("card");
  const find = document.getElementById("find");
  const buttons = [...document.querySelectorAll("#legend button")];
  const context = canvas.getContext("2d");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const n = data.x.length;
  const hidden = new Set();
  const radius = n < 400 ? 5 : n < 2500 ? 3.6 : 2.6;
  // screen = data * scale + (left, top), in CSS pixels
  let view = { scale: 1, left: 0, top: 0 };
  let size = { width: 0, height: 0 };
  let chosen = -1;
  let pinned = false;
  let queued = false;

  const colour = (group) => (data.colours[group] || data.none)[dark.matches ? 1 : 0];
  const largest = (values) => values.reduce((a, b) => Math.max(a, b), 0);
  const extent = { x: largest(data.x) || 1, y: largest(data.y) || 1 };
  const at = (i) => [data.x[i] * view.scale + view.left, data.y[i] * view.scale + view.top];
  const whole = () => Math.min((size.width - 32) / extent.x, (size.height - 32) / extent.y);

  function showAll() {
    const scale = whole();
    view = { scale, left: (size.width - extent.x * scale) / 2, top: (size.height - extent.y * scale) / 2 };
    draw();
  }

  function zoom(factor, x, y) {
    const scale = Math.min(Math.max(view.scale * factor, whole() * 0.5), whole() * 400);
    const by = scale / view.scale;
    view = { scale, left: x - (x - view.left) * by, top: y - (y - view.top) * by };
    draw();
  }

  function draw() {
    if (!queued) {
      queued = true;
      requestAnimationFrame(paint);
    }
  }

  function paint() {
    queued = false;
    context.clearRect(0, 0, size.width, size.height);
    const r = radius * Math.min(2.2, Math.max(1, Math.pow(view.scale / whole(), 0.3)));
    context.globalAlpha = 0.8;
    for (const i of data.order) {
      if (hidden.has(data.group[i])) continue;
      const [x, y] = at(i);
      if (x < -r || y < -r || x > size.width + r || y > size.height + r) continue;
      context.fillStyle = colour(data.group[i]);
      context.beginPath();
      context.arc(x, y, r, 0, 6.2832);
      context.fill();
    }
    context.globalAlpha = 1;
    if (chosen >= 0) {
      const [x, y] = at(chosen);
      context.strokeStyle = getComputedStyle(document.body).color;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(x, y, r + 3.5, 0, 6.2832);
      context.stroke();
      placeCard(x, y);
    }
  }

  function nearest(x, y, reach) {
    let best = -1;
    let least = reach * reach;
    for (let i = 0; i < n; i++) {
      if (hidden.has(data.group[i])) continue;
      const [px, py] = at(i);
      const d = (px - x) * (px - x) + (py - y) * (py - y);
      if (d < least) [best, least] = [i, d];
    }
    return best;
  }

  function choose(i) {
    if (i === chosen) return;
    chosen = i;
    canvas.classList.toggle("over", i >= 0);
    card.hidden = i < 0;
    if (i >= 0) fill(i);
    draw();
  }

  // text goes in as text, never as markup
  function add(tag, text) {
    const element = document.createElement(tag);
    element.textContent = text;
    card.append(element);
    return element;
  }

  function fill(i) {
    card.textContent = "";
    if (data.picture[i]) {
      const picture = add("img", "");
      picture.src = data.picture[i];
      picture.alt = "";
    }
    add("strong", data.clip[i]);
    if (data.groups.length) {
      const line = add("div", "");
      const dot = document.createElement("i");
      dot.style.background = colour(data.group[i]);
      line.append(dot, `${data.column}: ${data.groups[data.group[i]] ?? "unlabelled"}`);
    }
    if (data.prediction[i]) add("div", `Predicted: ${data.prediction[i]}`);
    if (data.text[i]) add("q", data.text[i]);
  }

  function placeCard(x, y) {
    const { offsetWidth: w, offsetHeight: h } = card;
    const beside = x + 14 + w < size.width ? x + 14 : x - 14 - w;
    const left = Math.min(Math.max(beside, 6), Math.max(6, size.width - w - 6));
    const top = Math.min(Math.max(y - h / 2, 6), Math.max(6, size.height - h - 6));
    card.style.left = `${left}px`;
    card.style.top = `${top}px`;
  }

  function position(event) {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  const pointers = new Map();
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, position(event));
    moved = 0;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = position(event);
    const before = pointers.get(event.pointerId);
    if (!before) {
      if (!pinned) choose(nearest(now[0], now[1], 12));
      return;
    }
    moved += Math.abs(now[0] - before[0]) + Math.abs(now[1] - before[1]);
    if (pointers.size === 2) {
      const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
      zoom(apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else if (moved > 4) {
      view.left += now[0] - before[0];
      view.top += now[1] - before[1];
      draw();
    }
    pointers.set(event.pointerId, now);
  });
  const release = (event) => {
    if (pointers.delete(event.pointerId) && moved <= 4 && event.type === "pointerup") {
      const i = nearest(...position(event), event.pointerType === "touch" ? 24 : 12);
      pinned = i >= 0 && event.pointerType === "touch";
      choose(i);
    }
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => {
    if (!pinned && !pointers.size) choose(-1);
  });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    zoom(Math.exp(-event.deltaY * lines * 0.0018), ...position(event));
  }, { passive: false });
  canvas.addEventListener("dblclick", (event) => zoom(2, ...position(event)));
  const middle = () => [size.width / 2, size.height / 2];
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[event.key];
    if (step) {
      view.left += step[0];
      view.top += step[1];
      draw();
    } else if (event.key === "+" || event.key === "=") zoom(1.4, ...middle());
    else if (event.key === "-") zoom(1 / 1.4, ...middle());
    else if (event.key === "0") showAll();
    else if (event.key === "Escape") choose(-1);
    else return;
    event.preventDefault();
  });
  document.getElementById("in").addEventListener("click", () => zoom(1.6, ...middle()));
  document.getElementById("out").addEventListener("click", () => zoom(1 / 1.6, ...middle()));
  document.getElementById("all").addEventListener("click", showAll);

  find.addEventListener("input", () => {
    const wanted = find.value.trim().toLowerCase();
    const i = wanted ? data.clip.findIndex((clip) => clip.toLowerCase().includes(wanted)) : -1;
    pinned = i >= 0;
    if (i >= 0) {
      hidden.delete(data.group[i]);
      press();
      const [x, y] = at(i);
      if (x < 0 || y < 0 || x > size.width || y > size.height) {
        view.left += size.width / 2 - x;
        view.top += size.height / 2 - y;
      }
    }
    choose(i);
  });

  function press() {
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.group))));
    }
    if (chosen >= 0 && hidden.has(data.group[chosen])) choose(-1);
    draw();
  }
  for (const button of buttons) {
    const group = Number(button.dataset.group);
    button.addEventListener("click", () => {
      if (!hidden.delete(group)) hidden.add(group);
      press();
    });
    button.addEventListener("dblclick", () => {
      const others = buttons.map((b) => Number(b.dataset.group)).filter((g) => g !== group);
      const alone = others.every((g) => hidden.has(g));
      hidden.clear();
      if (!alone) others.forEach((g) => hidden.add(g));
      press();
    });
  }

  function paintLegend() {
    for (const button of buttons) {
      button.querySelector("i").style.background = colour(Number(button.dataset.group));
    }
    if (chosen >= 0) fill(chosen);
    draw();
  }
  dark.addEventListener("change", paintLegend);

  new ResizeObserver(() => {
    const first = !size.width;
    size = { width: stage.clientWidth, height: stage.clientHeight };
    const ratio = devicePixelRatio || 1;
    canvas.width = Math.round(size.width * ratio);
    canvas.height = Math.round(size.height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    if (first) showAll();
    else paint();
  }).observe(stage);
  paintLegend();
})();
