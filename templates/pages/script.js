// Comfort for the browse pages; each of them works without it.
(() => {
  "use strict";
  const html = document.documentElement;
  const all = (selector, from = document) => [...from.querySelectorAll(selector)];
  const one = (id) => document.getElementById(id);
  const remembered = (value) => {
    try { return value ? localStorage.setItem("theme", value) : localStorage.getItem("theme"); } catch { return null; }
  };

  // Before the first paint: the chosen colours, and room for what needs this script.
  html.classList.add("js");
  if (remembered()) html.dataset.theme = remembered();

  const days = [[31557600, "year"], [2629800, "month"], [86400, "day"], [3600, "hour"], [60, "minute"]];
  const ago = new Intl.RelativeTimeFormat("en", { numeric: "always" });
  function times(from) {
    for (const time of all("time", from)) {
      const seconds = (Date.parse(time.dateTime) - Date.now()) / 1000;
      const [size, unit] = days.find(([size]) => Math.abs(seconds) >= size) || [];
      if (!Number.isFinite(seconds) || time.title || !isWhole(time)) continue;
      time.title = new Date(time.dateTime).toLocaleString();
      time.textContent = size ? ago.format(Math.trunc(seconds / size), unit) : "just now";
    }
  }

  // Whether the parser is past an element. Times change as they come, before they are painted, so that nothing moves.
  const isWhole = (node) => Boolean(node && (document.readyState !== "loading" || node.nextSibling || isWhole(node.parentNode)));
  const coming = new MutationObserver(() => times(document));
  coming.observe(html, { childList: true, subtree: true });

  async function copy(button) {
    const source = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      getSelection().selectAllChildren(source);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    button.classList.add("done");
    setTimeout(() => { button.textContent = "Copy"; button.classList.remove("done"); }, 2000);
  }

  function addCopy(box) {
    if (box.querySelector(".copy")) return;
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "copy js-only", textContent: "Copy" });
    box.append(button);
  }

  // The list of packs: filters and order over the rows; more pages are fetched when needed.
  function list(rows) {
    const MOST_PAGES = 40;
    const facets = one("facets"), sort = one("sort"), count = one("count"), none = one("none");
    const pages = Math.min(Number(rows.dataset.pages), MOST_PAGES), here = Number(rows.dataset.page);
    const start = count.textContent, original = [...rows.children], pager = document.querySelector(".pages");
    let known = original, loading;

    async function page(number) {
      const path = number === 1 ? "index.html" : `page/${number}/index.html`;
      const base = new URL(document.body.dataset.root + path, location.href);
      const answer = await fetch(base);
      if (!answer.ok) throw new Error(answer.status);
      const other = new DOMParser().parseFromString(await answer.text(), "text/html");
      return all("#rows > li", other).map((row) => {
        const link = row.querySelector("a");
        link.href = new URL(link.getAttribute("href"), base).href;
        times(row);
        return document.adoptNode(row);
      });
    }
    function load() {
      const numbers = Array.from({ length: pages }, (_, i) => i + 1);
      loading ??= Promise.all(numbers.map((n) => (n === here ? original : page(n))))
        .then((lists) => { known = lists.flat(); }, () => {}).then(show);
    }
    const orders = {
      updated: (a, b) => b.querySelector("time").dateTime.localeCompare(a.querySelector("time").dateTime),
      first: (a, b) => b.dataset.first.localeCompare(a.dataset.first),
      size: (a, b) => b.dataset.size - a.dataset.size,
      downloads: (a, b) => (b.dataset.downloads || 0) - (a.dataset.downloads || 0),
    };
    function show() {
      const groups = new Map();
      for (const choice of facets ? all(":checked", facets) : []) {
        groups.set(choice.name, [...(groups.get(choice.name) || []), choice.value]);
      }
      const changed = groups.size || sort.value;
      if (changed && pages > 1) load();
      const shown = changed ? [...known] : original;
      if (orders[sort.value]) shown.sort(orders[sort.value]);
      let found = 0;
      for (const row of shown) {
        const fits = [...groups].every(([key, values]) => values.some((v) => row.dataset[key].split("|").includes(v)));
        row.hidden = !fits;
        found += fits;
      }
      rows.replaceChildren(...shown);
      none.hidden = found > 0;
      if (pager) pager.hidden = Boolean(changed);
      const cut = Number(rows.dataset.pages) > pages ? ` in the first ${known.length}` : "";
      const part = known === original && pages > 1 ? " on this page" : cut;
      count.textContent = changed ? `${found} ${found === 1 ? "pack" : "packs"}${part}` : start;
      const address = new URLSearchParams([...groups].flatMap(([key, values]) => values.map((v) => [key, v])));
      if (sort.value) address.set("sort", sort.value);
      try { history.replaceState(null, "", changed && `${address}` ? `?${address}` : location.pathname); } catch { /* file: */ }
    }

    const given = new URLSearchParams(location.search);
    for (const choice of facets ? all("input", facets) : []) choice.checked = given.getAll(choice.name).includes(choice.value);
    if (orders[given.get("sort")] && sort.querySelector(`[value=${given.get("sort")}]`)) sort.value = given.get("sort");
    for (const input of [facets, sort]) input?.addEventListener("input", show);
    one("clear").addEventListener("click", () => { facets?.reset(); show(); });
    one("filters-toggle")?.addEventListener("click", (event) => {
      const open = event.target.parentElement.classList.toggle("open");
      event.target.setAttribute("aria-expanded", open);
    });
    if (location.search) show();
  }

  // Arrow keys go from the box of the search through the packs of a list.
  function arrows(rows) {
    const box = one("q");
    document.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      const links = all(".row:not([hidden]) h3 a", rows), at = links.indexOf(document.activeElement);
      if (!step || (at < 0 && document.activeElement !== box)) return;
      event.preventDefault();
      (links[at + step] || (step < 0 ? box : links[at]))?.focus();
    });
  }

  // The page of a pack: filter long lists, mark the section in view, open what an address points to.
  function pack() {
    for (const input of all(".narrow")) {
      input.addEventListener("input", () => {
        const word = input.value.trim().toLowerCase();
        for (const part of all(".part", input.closest("section"))) part.hidden = !part.textContent.toLowerCase().includes(word);
      });
    }
    // Files lead to their text; without a server, the page of the source reads the archive.
    const source = document.querySelector("a.source");
    if (source) {
      source.href = source.href.replace("/source?", "/source/index.html?");
      for (const name of all(".files th code")) {
        const link = document.createElement("a");
        link.href = `${source.href}&file=${encodeURIComponent(name.textContent)}`;
        name.replaceWith(link);
        link.append(name);
      }
    }
    const links = all(".sections a");
    const spy = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) continue;
        for (const link of links) {
          if (link.hash === `#${target.id}`) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
        }
      }
    }, { rootMargin: "-15% 0px -80% 0px" });
    for (const section of all(".body > section")) spy.observe(section);
    const open = () => {
      const target = one(decodeURIComponent(location.hash.slice(1)));
      if (target?.matches("details.part")) target.open = true;
    };
    addEventListener("hashchange", open);
    open();
    document.addEventListener("click", ({ target }) => {
      for (const menu of all(".menu[open]")) if (!menu.contains(target) || target.closest(".menu a")) menu.open = false;
    });
    addEventListener("beforeprint", () => { for (const part of all("details.part, .files")) part.open = true; });
  }

  // An address that leads nowhere: the refs that are spelled most like it.
  function distance(a, b) {
    let row = Array.from({ length: b.length + 1 }, (_, i) => i);
    for (let i = 1; i <= a.length; i++) {
      row = row.reduce((next, _, j) => {
        next.push(j ? Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] !== b[j - 1])) : i);
        return next;
      }, []);
    }
    return row[b.length];
  }
  async function nearest(section) {
    const wanted = location.pathname.split("/").filter((part) => part && !/\.\w+$/.test(part)).pop();
    if (!wanted || wanted.length > 64 || Number(section.dataset.packs) > 20000) return;
    const root = document.body.dataset.root;
    const { packs } = await (await fetch(`${root}packs.json`)).json();
    const near = Object.keys(packs).map((ref) => [distance(wanted.toLowerCase(), ref), ref])
      .filter(([cost, ref]) => cost <= Math.min(3, wanted.length / 2) || ref.startsWith(wanted)).sort(([a], [b]) => a - b).slice(0, 5);
    near.forEach(([, ref], i) => {
      const link = document.createElement("a");
      link.href = `${root}packs/${ref}/index.html`;
      link.textContent = ref;
      one("near").append(i ? ", " : " ", link);
    });
    one("near").hidden = !near.length;
  }

  document.addEventListener("DOMContentLoaded", () => {
    coming.disconnect();
    times(document);
    one("theme").addEventListener("click", () => {
      const dark = html.dataset.theme ? html.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
      remembered((html.dataset.theme = dark ? "light" : "dark"));
    });
    // Those of parts, which there may be hundreds of, come when a part is opened.
    document.addEventListener("toggle", ({ target }) => target.querySelectorAll?.(".calls .cmd").forEach(addCopy), true);
    document.addEventListener("click", ({ target }) => { if (target.matches(".copy")) copy(target); });
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "radio" && event.target.type !== "checkbox";
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      one("q").select();
    });
    const rows = one("rows"), box = one("q");
    if (rows) arrows(rows);
    if (rows?.dataset.pages) list(rows);
    // Without a server, the page of the search answers; it does not leave itself.
    if (!document.querySelector(".found")) box.form.addEventListener("submit", (event) => {
      event.preventDefault();
      location.href = `${document.body.dataset.root}search/index.html?q=${encodeURIComponent(box.value)}`;
    });
    if (document.querySelector(".pack")) pack();
    if (one("missing")) nearest(one("missing")).catch(() => {});
  });
})();
