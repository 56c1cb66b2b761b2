"""How the HTML preview looks: narrow or wide, light or dark, on a screen or on paper."""

from __future__ import annotations

from typing import Final

STYLE: Final = """
:root {
  --paper: #ffffff; --ground: #f3f4f6; --ink: #1b2026; --quiet: #59636e; --line: #d9dde2;
  --good: #1a6b35; --warn: #8a5300; --bad: #b3261e; --notice: #fff4df; --banner: #7a2e00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #1a1e23; --ground: #111418; --ink: #e8ebee; --quiet: #9aa6b2; --line: #343b43;
    --good: #7fd39a; --warn: #ffc069; --bad: #ff8a80; --notice: #33290f; --banner: #ffb46b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
}
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
.banner {
  margin: 0; padding: .5rem 1rem; text-align: center; font-weight: 600;
  color: var(--banner); background: var(--notice); border-bottom: 2px solid currentColor;
}
h1 { font-size: 1.5rem; margin: .5rem 0 0; }
h2 { font-size: 1.2rem; margin: 0; overflow-wrap: anywhere; }
h3 { font-size: 1.05rem; margin: 0 0 .35rem; }
h4 { font-size: .9rem; margin: .6rem 0 .2rem; color: var(--quiet); }
p { margin: .35rem 0; }
.uid, .facts dd { overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.uid, .quiet, .flags, figcaption { color: var(--quiet); font-size: .9rem; }
.report {
  background: var(--paper); border: 1px solid var(--line); border-radius: .5rem;
  padding: 1rem; margin: 1rem 0;
}
.report.old { border-style: dashed; }
.group { border-top: 1px solid var(--line); margin-top: .9rem; padding-top: .8rem; }
.lead { font-size: 1.05rem; }
.comment { font-size: .92rem; margin: .1rem 0; }
.lead, .comment, .kept, li { overflow-wrap: anywhere; }
.kept { border-left: 3px solid var(--line); padding-left: .7rem; }
.notice { background: var(--notice); border-left: 4px solid; padding: .4rem .7rem; }
.notice.warn, .warn { color: var(--warn); }
.notice.bad, .bad { color: var(--bad); }
.good { color: var(--good); }
.tone { font-weight: 600; }
.tone.fair { font-weight: 500; }
.tone.quiet { font-weight: 400; font-size: inherit; }
.tables { display: grid; gap: .5rem 2rem; align-items: start; margin-top: .6rem;
  grid-template-columns: repeat(auto-fit, minmax(min(24rem, 100%), 1fr)); }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
caption { text-align: left; color: var(--quiet); font-size: .85rem; padding-bottom: .15rem; }
th, td { text-align: left; vertical-align: top; padding: .22rem .6rem .22rem 0;
  border-top: 1px solid var(--line); overflow-wrap: anywhere; }
th { font-weight: 400; width: 55%; }
td { font-variant-numeric: tabular-nums; }
.images { font-size: .92rem; }
ul { margin: .2rem 0; padding-left: 1.1rem; font-size: .9rem; }
.sendings { margin-top: .8rem; }
figure { margin: 1rem 0 0; }
.scroll { overflow-x: auto; }
img { display: block; width: 100%; min-width: 46rem; border-radius: .3rem; }
.form { margin: .7rem 0 0; font-size: .92rem; }
.form summary { cursor: pointer; }
.page img { min-width: 0; max-width: 32rem; border: 1px solid var(--line); }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .9rem;
  font-size: .85rem; margin: .8rem 0 0; border-top: 1px solid var(--line); padding-top: .6rem; }
.facts dt { color: var(--quiet); }
.facts dd { margin: 0; grid-column: 2; }
@media print {
  :root { --paper: #fff; --ground: #fff; --ink: #000; --quiet: #444; --line: #bbb;
    --good: #0b5a26; --warn: #6b4000; --bad: #9c1c14; --notice: #fff; --banner: #000; }
  main { max-width: none; padding: 0; }
  .report { border: 0; padding: 0; }
  body { font-size: 10pt; }
  .report + .report { break-before: page; }
  .report + .report::before { content: "Research use only. Not for diagnostic use.";
    display: block; text-align: center; font-weight: 600; margin-bottom: .8rem; }
  tr, figure, .notice { break-inside: avoid; }
  .scroll { overflow: visible; }
  img { min-width: 0; }
}
"""
