// Only makes better what is there without it: theme, marks of what belongs together, a filter, folds opened for print.
"use strict";

const root = document.documentElement;

function offerThemes() {
  const button = document.getElementById("theme");
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const label = () => { button.textContent = isDark() ? "Light colours" : "Dark colours"; };
  button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; label(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  button.hidden = false;
  label();
}

// Whatever has data-k belongs to what has one of its words in its data-k, within the same fact.
function markTogether() {
  let marked = [];
  const clear = () => { marked.forEach(one => one.classList.remove("marked")); marked = []; };
  const mark = event => {
    const at = event.target.closest("[data-k]");
    clear();
    if (!at) return;
    const keys = new Set(at.dataset.k.split(" "));
    marked = [...at.closest(".fact").querySelectorAll("[data-k]")].filter(one => one.dataset.k.split(" ").some(key => keys.has(key)));
    marked.forEach(one => one.classList.add("marked"));
  };
  document.addEventListener("pointerover", mark);
  document.addEventListener("focusin", mark);
  document.addEventListener("keydown", event => { if (event.key === "Escape") clear(); });
}

function offerFilters() {
  for (const filter of document.querySelectorAll(".filter")) {
    const facts = [...document.querySelectorAll(`#${CSS.escape(filter.dataset.of)} .fact`)];
    const told = filter.querySelector("output");
    filter.hidden = false;
    filter.addEventListener("change", event => {
      const wanted = event.target.value;
      facts.forEach(fact => { fact.hidden = wanted !== "" && !fact.dataset.is.split(" ").includes(wanted); });
      told.textContent = `${facts.filter(fact => !fact.hidden).length} of ${facts.length} facts are shown`;
    });
  }
}

// What is jumped to must be seen: a fact that the filter hides, an element that is folded.
function showTarget() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let at = target; at; at = at.parentElement) {
    if (at.tagName === "DETAILS") at.open = true;
    if (at.classList.contains("fact")) at.hidden = false;
  }
  target.scrollIntoView();
}

function printUnfolded() {
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not(.raw):not([open])")];
    opened.forEach(one => { one.open = true; });
  });
  addEventListener("afterprint", () => opened.forEach(one => { one.open = false; }));
}

offerThemes();
markTogether();
offerFilters();
addEventListener("hashchange", showTarget);
showTarget();
printUnfolded();
