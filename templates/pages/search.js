// Searches the registry in the browser, in the files of `search/`; `crates/pack-search` follows the same steps.
const search = (() => {
  "use strict";
  const FIELDS = {
    r: ["ref", 60], l: ["label", 40], k: ["keyword", 36], a: ["action", 24], w: ["workflow", 24], t: ["trigger", 24],
    s: ["sensor", 24], u: ["rule", 24], h: ["author", 20], d: ["description", 14], c: ["configuration", 10],
    p: ["parameter", 8], m: ["component", 6],
  };
  const STOP_WORDS = new Set(("a all an and are as at be by can for from in into is it its of on or that the their this to use " +
    "used when with you").split(" "));
  const MOST_WORDS = 8, MOST_CHARACTERS = 24, IS_THE_REF = 1000, BEGINS_THE_REF = 100;

  const words = (text) => text.toLowerCase().split(/[^\p{Alphabetic}\p{N}]+/u).filter(Boolean)
    .map((word) => [...word].slice(0, MOST_CHARACTERS).join(""));
  function asked(text) {
    const all = [...new Set(words(text))], telling = all.filter((word) => !STOP_WORDS.has(word));
    return (telling.length ? telling : all).slice(0, MOST_WORDS);
  }
  function wordPath(start) {
    const name = [...start].map((c) => (/[a-z0-9]/.test(c) ? c : `_${c.codePointAt(0).toString(16)}_`)).join("");
    return `search/terms/t-${name}.json`;
  }
  // The file that knows the words that begin with `word`.
  function wordFile(head, word) {
    let at = "";
    for (const c of word) {
      if (!Object.hasOwn(head.split ?? {}, at)) break;
      const group = head.split[at].map((text) => [...text]).find((characters) => characters.includes(c));
      if (!group) return null;
      if (group.length > 1) return wordPath(at + group[0]);
      at += c;
    }
    return wordPath(at);
  }
  function tablePath(head, ref) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < ref.length; i++) hash = Math.imul(hash ^ ref.charCodeAt(i), 0x01000193) >>> 0;
    return `search/packs/${((hash ^ (hash >>> 15)) >>> 0) % head.tables}.json`;
  }
  function parts(posting) {
    const space = posting.indexOf(" ");
    return { field: FIELDS[posting[0]], ref: posting.slice(1, space < 0 ? undefined : space), place: space < 0 ? "" : posting.slice(space + 1) };
  }
  // Where one word stands best in each pack.
  function find(word, file) {
    const found = { packs: new Map(), complete: true };
    const add = (postings, times) => {
      for (const posting of postings) {
        const { field, ref } = parts(posting);
        if (!field) continue;
        const worth = field[1] * times, known = found.packs.get(ref);
        if (!known || known[0] < worth) found.packs.set(ref, [worth, posting]);
      }
    };
    const { terms = {}, best = [], more = {} } = file ?? {};
    for (const term of Object.keys(terms).filter((term) => term.startsWith(word)).sort()) {
      if (Object.hasOwn(more, term)) found.complete = false;
      add(terms[term], term === word ? 2 : 1);
    }
    if (best.length) {
      found.complete = !Object.hasOwn(more, "*");
      add(best, 1);
    }
    return found;
  }
  function match(word, posting) {
    const { field: [field], place } = parts(posting), cut = field === "parameter" ? place.lastIndexOf("/") : -1;
    return { word, field, component: place.slice(0, Math.max(cut, 0)), name: place.slice(cut + 1) };
  }
  // The answer to a question; `load` gives the content of a file, or nothing where there is none.
  async function ask(text, load) {
    const head = await load("search/index.json"), question = asked(text), whole = words(text).join("");
    if (head?.format !== 2) throw new Error("no index");
    const rank = new Map();
    const levels = head.rank ? (await load("search/rank.json"))?.levels ?? {} : {};
    for (const [level, refs] of Object.entries(levels)) for (const ref of refs) rank.set(ref, Number(level));
    const found = await Promise.all(question.map(async (word) => {
      const path = wordFile(head, word);
      return find(word, path === null ? null : await load(path));
    }));
    const counts = new Map();
    for (const { packs } of found) for (const ref of packs.keys()) counts.set(ref, (counts.get(ref) ?? 0) + 1);
    const hit = (ref) => {
      const name = words(ref).join(""), matches = [];
      let score = rank.get(ref) ?? 0;
      score += name === whole ? IS_THE_REF : name.startsWith(whole) ? BEGINS_THE_REF : 0;
      question.forEach((word, i) => {
        const best = found[i].packs.get(ref);
        if (!best) return;
        score += best[0];
        matches.push(match(word, best[1]));
      });
      return { ref, score, matches };
    };
    let refs = [...counts.keys()].filter((ref) => found.every(({ packs, complete }) => !complete || packs.has(ref)));
    const partial = !refs.length && counts.size > 0, most = Math.max(...counts.values());
    if (partial) refs = [...counts.keys()].filter((ref) => counts.get(ref) === most);
    const hits = refs.map(hit).sort((a, b) => b.score - a.score || (a.ref < b.ref ? -1 : 1));
    return { head, hits, partial, more: found.some(({ complete }) => !complete) };
  }
  return { ask, tablePath };
})();

if (globalThis.document) document.addEventListener("DOMContentLoaded", () => {
  "use strict";
  const AT_ONCE = 20, PAUSE = 120, SORTED = 200;
  const one = (id) => document.getElementById(id), root = document.body.dataset.root;
  const box = one("q"), rows = one("rows"), count = one("count"), more = one("more"), sort = one("sort");
  const kept = new Map();
  let turn = 0, timer, sorted;

  function load(path) {
    if (!kept.has(path)) {
      kept.set(path, fetch(root + path).then((answer) => {
        if (answer.ok) return answer.json();
        if (answer.status === 404) return null;
        throw new Error(answer.status);
      }).catch((error) => { kept.delete(path); throw error; }));
    }
    return kept.get(path);
  }
  function element(name, className, ...content) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...content);
    return made;
  }
  function tile(ref, label, icon) {
    if (icon?.startsWith("icons/")) return Object.assign(element("img", "tile pic"), { src: root + icon, alt: "", loading: "lazy" });
    let hash = 0x811c9dc5;
    for (let i = 0; i < ref.length; i++) hash = Math.imul(hash ^ ref.charCodeAt(i), 0x01000193) >>> 0;
    const initials = (text) => text.split(/[^\p{L}\p{N}]+/u).filter(Boolean).slice(0, 2).map((word) => [...word][0]);
    let letters = initials(label);
    if (!letters.length) letters = initials(ref);
    if (letters.length === 1) letters.push(...ref.replace(/[^a-z0-9]/g, "").slice(1, 2));
    const made = element("span", `tile hue-${((hash ^ (hash >>> 16)) >>> 0) % 12}`, [...letters.join("").toUpperCase()].slice(0, 2).join(""));
    made.setAttribute("aria-hidden", "true");
    return made;
  }
  const SAID = { label: "name", component: "text of a component" };
  function why(matches) {
    const made = element("p", "why", "Found in "), told = new Set();
    for (const { field, component, name } of matches) {
      const key = `${field} ${component} ${name}`;
      if (told.has(key)) continue;
      if (told.size) made.append(", ");
      told.add(key);
      made.append(SAID[field] ?? field);
      if (name) made.append(" ", element("code", "", name));
      if (component) made.append(" of ", element("code", "", component));
    }
    return made;
  }
  function row({ ref, matches }, pack) {
    const link = element("a", "", element("bdi", "", pack.label));
    link.href = `${root}packs/${ref}/index.html`;
    const title = element("h3", "", link);
    if (pack.label !== ref) title.append(" ", element("span", "ref", ref));
    title.append(" ", element("span", "ver", pack.version));
    if (pack.deprecated) title.append(" ", element("span", "tag warn", "deprecated"));
    if (pack.yanked) title.append(" ", element("span", "tag bad", "yanked"));
    const about = element("div", "", title);
    if (pack.description) about.append(element("p", "about", pack.description));
    about.append(why(matches));
    const time = element("time", "", new Date(pack.published_at).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" }));
    time.dateTime = pack.published_at;
    const facts = [pack.author && element("bdi", "", pack.author), pack.license !== "NOASSERTION" && element("bdi", "", pack.license),
      pack.downloads && `↓ ${pack.downloads.toLocaleString("en")}`, time];
    about.append(element("p", "meta", ...facts.filter(Boolean).map((fact) => element("span", "", fact))));
    return element("li", "row", tile(ref, pack.label, pack.icon), about);
  }
  async function show(from) {
    const mine = ++turn, question = box.value.trim();
    const order = sort?.value ? `&sort=${sort.value}` : "";
    try { history.replaceState(null, "", question ? `?q=${encodeURIComponent(question)}${order}` : location.pathname); } catch { /* file: */ }
    if (!question) {
      rows.replaceChildren();
      count.textContent = "Type what you look for.";
      more.hidden = true;
      return;
    }
    try {
      const { head, hits, ...answer } = await search.ask(question, load);
      const tableOf = ({ ref }) => load(search.tablePath(head, ref));
      if (order && !from) {
        // The best matches, those first that are downloaded most; a server does the same.
        const best = hits.slice(0, SORTED), known = await Promise.all(best.map(tableOf));
        const counts = new Map(best.map((hit, i) => [hit, known[i]?.[hit.ref]?.downloads || 0]));
        hits.splice(0, best.length, ...best.sort((a, b) => counts.get(b) - counts.get(a)));
        sorted = hits;
      } else if (order) hits.splice(0, hits.length, ...sorted);
      const part = hits.slice(from, from + AT_ONCE);
      const tables = await Promise.all(part.map(tableOf));
      if (mine !== turn) return;
      const made = part.flatMap((hit, i) => (tables[i]?.[hit.ref] ? [row(hit, tables[i][hit.ref])] : []));
      if (from) rows.append(...made); else rows.replaceChildren(...made);
      more.hidden = hits.length <= from + AT_ONCE;
      more.dataset.from = from + AT_ONCE;
      const number = `${hits.length.toLocaleString("en")}${answer.more ? " or more" : ""} ${hits.length === 1 && !answer.more ? "pack" : "packs"}`;
      count.textContent = !hits.length ? "No pack matches. Try fewer or other words." : answer.partial ? `No pack has every word. ${number} with some of them.` : number;
    } catch {
      if (mine === turn) count.textContent = "The search index cannot be read here.";
    }
  }
  const given = new URLSearchParams(location.search);
  box.value = given.get("q") ?? box.value;
  if (sort && given.get("sort") === "downloads") sort.value = "downloads";
  sort?.addEventListener("input", () => show(0));
  box.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(show, PAUSE, 0); });
  box.form.addEventListener("submit", (event) => { event.preventDefault(); show(0); });
  more.addEventListener("click", () => show(Number(more.dataset.from)));
  if (!rows.children.length) show(0);
  if (!box.value) box.focus();
});
