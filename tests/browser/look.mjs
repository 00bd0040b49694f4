// Looks at pages as people do: at three widths, light and dark, in a browser without a window.
//
//   node look.mjs MODULES PAGES [SHOTS]
//
// MODULES has the packages axe-core and puppeteer-core; PAGES is a JSON list of [name, address]; into the folder SHOTS go
// pictures. What is wrong is printed, one line each: findings of axe-core, sideways scrolling, layout that moves after the
// page is there, commands that cannot be copied, errors of scripts and of the policy for content. CHROMIUM names the browser.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const [modules, list, shots] = process.argv.slice(2);
const require = createRequire(join(resolve(modules), "node_modules", "x.js"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const WIDTHS = [360, 768, 1280];
const SCHEMES = ["light", "dark"];
/** How far a layout may move, in the measure of browsers: below it nobody sees anything. */
const MOST_SHIFT = 0.01;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars"],
});
if (shots) mkdirSync(shots, { recursive: true });
const problems = [];

async function look(page, name, address, width, scheme) {
  const say = (what) => problems.push(`${name} ${width} ${scheme}: ${what}`);
  const errors = [];
  const said = (message) => { if (message.type() === "error") errors.push(message.text()); };
  const failed = (error) => say(error.message);
  page.on("console", said).on("pageerror", failed);
  await page.setViewport({ width, height: width < 500 ? 800 : 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
  const answer = await page.goto(address, { waitUntil: "networkidle0" });
  page.off("console", said);
  // That a page which says that something is missing is itself an error is no error of a script.
  errors.filter((text) => answer?.ok() !== false || !text.startsWith("Failed to load resource")).forEach(say);
  const seen = await page.evaluate(() => new Promise((done) => {
    const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
    const widest = [...document.querySelectorAll("body *")].find((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest(".scroll, pre, .sections, .sr, .skip"));
    new PerformanceObserver((entries) => {
      const shift = entries.getEntries().filter((e) => !e.hadRecentInput).reduce((sum, e) => sum + e.value, 0);
      done({ wide, widest: widest?.outerHTML.slice(0, 120), shift });
    }).observe({ type: "layout-shift", buffered: true });
    setTimeout(() => done({ wide, widest: widest?.outerHTML.slice(0, 120), shift: 0 }), 50);
  }));
  if (seen.wide > 0) say(`it scrolls sideways by ${seen.wide} pixels: ${seen.widest}`);
  // Pages that their script fills have their content when it has come.
  if (seen.shift > MOST_SHIFT && !name.endsWith("-script")) say(`its layout moved by ${seen.shift}`);
  if (shots) await page.screenshot({ path: join(shots, `${name}-${width}-${scheme}.png`), fullPage: true });
  // The pages' own policy keeps scripts of others out, this one is put in behind it.
  await page.evaluate(axe);
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  for (const { id, impact, help, nodes } of found.violations) {
    say(`${impact} ${id}: ${help}: ${nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")} (${nodes.length})`);
  }
  // The buttons of parts come when these are opened.
  const bare = await page.evaluate(async () => {
    for (const part of document.querySelectorAll("details")) part.open = true;
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    return [...document.querySelectorAll(".cmd")].filter((e) => !e.querySelector(".copy")).length;
  });
  if (bare > 0) say(`${bare} commands have no button that copies them`);
  page.off("pageerror", failed);
}

try {
  const page = await browser.newPage();
  for (const [name, address] of JSON.parse(readFileSync(list, "utf8"))) {
    for (const width of WIDTHS) {
      for (const scheme of SCHEMES) await look(page, name, address, width, scheme);
    }
  }
} finally {
  await browser.close();
}
for (const problem of problems) console.log(problem);
process.exitCode = problems.length ? 1 : 0;
