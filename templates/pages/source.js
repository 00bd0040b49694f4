// The files of a version: out of its archive where no server has put them into the page, and their colours.
"use strict";
(() => {
  const MAX_ARCHIVE_BYTES = 2 ** 24, MAX_UNPACKED_BYTES = 2 ** 26, MAX_SHOWN_BYTES = 2 ** 18, MAX_LINES = 10000, MAX_FILES = 500;
  const one = (id) => document.getElementById(id);
  const root = document.body.dataset.root;
  const given = new URLSearchParams(location.search);

  // The files of a tar, without the directory at its top.
  function* members(tar) {
    const decoder = new TextDecoder();
    const text = (from, length) => decoder.decode(tar.subarray(from, from + length)).split("\0", 1)[0];
    let long;
    for (let at = 0; at + 512 <= tar.length && tar[at];) {
      const size = parseInt(text(at + 124, 12), 8) || 0, kind = String.fromCharCode(tar[at + 156] || 48);
      const content = tar.subarray(at + 512, at + 512 + size);
      if (kind === "x") long = /^\d+ path=(.*)$/m.exec(decoder.decode(content))?.[1];
      else if (kind === "L") long = text(at + 512, size);
      else {
        const prefix = tar[at + 262] === 32 ? "" : text(at + 345, 155);
        const path = long ?? (prefix && `${prefix}/`) + text(at, 100);
        if (kind === "0") yield [path.slice(path.indexOf("/") + 1), content];
        long = undefined;
      }
      at += 512 + Math.ceil(size / 512) * 512;
    }
  }

  async function read(url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${answer.status}`);
    return answer;
  }

  async function archive(version, base) {
    const { path, size_bytes, checksum } = version.archive || {};
    if (!path) throw new Error("this registry holds no archive of it");
    if (size_bytes > MAX_ARCHIVE_BYTES || version.unpacked_bytes > MAX_UNPACKED_BYTES) throw new Error("the archive is too large for a page");
    const bytes = await (await read(new URL(path, base))).arrayBuffer();
    // Only where the page came over TLS can it compute digests.
    if (crypto.subtle) {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      const hex = Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("");
      if (checksum !== `sha256:${hex}`) throw new Error("the archive does not have the digest that is recorded");
    }
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  }

  function show(path, content) {
    const lines = one("lines"), instead = one("instead");
    one("path").textContent = path;
    one("shown").hidden = false;
    let text;
    try {
      text = content.length <= MAX_SHOWN_BYTES && new TextDecoder("utf-8", { fatal: true }).decode(content);
    } catch { /* no text */ }
    const is_text = typeof text === "string" && !text.includes("\0");
    if (!is_text) {
      instead.textContent = text === false ? "This file is too large to be shown; it is in the archive." : "This file is no text.";
      instead.hidden = false;
      return;
    }
    const all = text.replace(/\r?\n$/, "").split(/\r?\n/).slice(0, MAX_LINES);
    lines.append(...all.flatMap((line, i) => {
      const number = document.createElement("a");
      number.id = `L${i + 1}`;
      number.href = `#L${i + 1}`;
      number.textContent = i + 1;
      return [number, `${line}\n`];
    }));
    lines.hidden = false;
    document.getElementById(location.hash.slice(1))?.scrollIntoView();
  }

  async function fill() {
    const pack = given.get("pack") || "", wanted = given.get("file");
    if (!/^[a-z][a-z0-9_-]{0,63}$/.test(pack)) throw new Error("no pack is named");
    const [document_, registry] = await Promise.all(["packs/" + pack, "registry"].map(async (name) => (await read(`${root}${name}.json`)).json()));
    const version = document_.versions.find((v) => v.version === given.get("version")) || document_.versions[0];
    const base = new URL(registry.archive_base_url || "./", new URL(root || "./", location.href));
    const title = one("title"), back = document.createElement("a"), number = document.createElement("span");
    back.href = `${root}packs/${pack}/index.html`;
    back.textContent = pack;
    number.className = "ver";
    number.textContent = version.version;
    title.replaceChildren(back, " ", number);
    document.title = `${wanted || "Source"} · ${pack} ${version.version}`;
    const files = [...members(await archive(version, base))].sort(([a], [b]) => (a < b ? -1 : 1));
    one("said").textContent = `${files.length} ${files.length === 1 ? "file" : "files"}`;
    for (const [path, content] of files.slice(0, MAX_FILES)) {
      const item = document.createElement("li"), link = document.createElement("a"), size = document.createElement("span");
      link.href = `?${new URLSearchParams({ pack, version: version.version, file: path })}`;
      link.textContent = path;
      if (path === wanted) link.setAttribute("aria-current", "page");
      size.className = "n";
      size.textContent = content.length < 1000 ? `${content.length} B` : `${Math.round(content.length / 1000)} KB`;
      item.append(link, " ", size);
      one("files").append(item);
    }
    one("files").parentElement.hidden = false;
    const chosen = files.find(([path]) => path === wanted) || (!wanted && files.find(([path]) => /^(readme|pack\.ya?ml)/i.test(path)));
    if (chosen) show(...chosen);
    else if (wanted) one("said").textContent += `; none is ${wanted}`;
  }

  // Comments, texts, numbers and words of the language, coloured without touching the page.
  const WORDS = /^(and|as|async|await|break|case|catch|class|const|continue|def|do|done|elif|else|esac|except|export|extends|false|False|fi|finally|for|from|function|if|import|in|is|lambda|let|local|new|nil|None|not|null|or|pass|raise|return|self|switch|then|this|throw|true|True|try|var|while|with|yield)$/;
  function colour() {
    const lines = one("lines"), file = one("path").textContent;
    if (!globalThis.CSS?.highlights || lines.hidden || /\.(md|txt|csv|lock)$|^LICEN/i.test(file)) return;
    const comment = /\.(js|ts|json)$/.test(file) ? "\\/\\/.*|\\/\\*.*?\\*\\/" : "(?<![\\w$\"'])#.*";
    const has_keys = /\.ya?ml$/.test(file);
    const token = new RegExp(`(${comment})|("(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*')|\\b(\\d[\\d.]*)\\b|([A-Za-z_]\\w*)`, "g");
    const found = { note: new Highlight(), text: new Highlight(), number: new Highlight(), word: new Highlight() };
    for (const node of lines.childNodes) {
      if (node.nodeType !== Node.TEXT_NODE || node.length > 2000) continue;
      for (const { 0: { length }, 1: note, 2: text, 3: number, 4: word, index } of node.data.matchAll(token)) {
        const kind = note ? "note" : text ? "text" : number ? "number" : WORDS.test(word) || (has_keys && node.data[index + length] === ":") ? "word" : null;
        if (!kind) continue;
        const range = new Range();
        range.setStart(node, index);
        range.setEnd(node, index + length);
        found[kind].add(range);
      }
    }
    for (const [kind, ranges] of Object.entries(found)) CSS.highlights.set(`source-${kind}`, ranges);
  }

  const filled = one("files").children.length ? Promise.resolve() : fill();
  filled.then(colour, (error) => { one("said").textContent = `The files cannot be shown: ${error.message}.`; });
})();
