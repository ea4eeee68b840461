"""How the report's page looks: light or dark, as its reader prefers."""

from __future__ import annotations

from engines.benchmarks.report.vector import dark_rules

_PAGE = """
:root { color-scheme: light dark; --ink: #2b2f33; --soft: #5f6b76; --paper: #ffffff;
  --line: #e3e6ea; --band: #f5f7f9; --link: #1f6f52; --good: #17694a; --goodpaper: #e3f4ec;
  --bad: #a3283a; --badpaper: #fbe8ea; --even: #5f5126; --evenpaper: #f6f0dc; }
@media (prefers-color-scheme: dark) { :root { --ink: #dfe3e8; --soft: #9aa5b1; --paper: #15191e;
  --line: #2c333b; --band: #1c2228; --link: #6fd0a8; --good: #7fdcb4; --goodpaper: #16362a;
  --bad: #f2a0aa; --badpaper: #42202a; --even: #dccb8f; --evenpaper: #37311d; } }
body { font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; color: var(--ink); margin: 0 auto;
  background: var(--paper); max-width: 1180px; padding: 24px 32px 80px; }
h1 { font-size: 27px; margin: 8px 0 4px; line-height: 1.25; }
h2 { font-size: 20px; margin: 48px 0 6px; padding-top: 16px; border-top: 2px solid var(--ink); }
h3 { font-size: 16px; margin: 34px 0 4px; }
nav { font-size: 13px; margin: 10px 0 0; } nav a { margin-right: 14px; white-space: nowrap; }
a { color: var(--link); }
.size, figcaption, .reading, .notes { color: var(--soft); font-size: 13px; }
.finding { margin: 6px 0; font-weight: 600; } .reasons { margin: 2px 0 10px; font-size: 14px; }
ul { margin: 6px 0 12px; padding-left: 20px; }
.scroll { overflow-x: auto; margin: 10px 0 18px; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 10px; text-align: right; white-space: nowrap; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th { border-bottom: 2px solid var(--soft); vertical-align: bottom; font-weight: 600; }
th:first-child, td:first-child, .left { text-align: left; }
.wide td { white-space: normal; min-width: 64px; } .wide td.left { max-width: 300px; }
tr.best td { background: var(--goodpaper); font-weight: 600; }
.n { display: inline-block; white-space: nowrap; }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 7px; }
.good, .bad, .even { border-radius: 9px; padding: 1px 8px; font-size: 12px; font-weight: 600;
  display: inline-block; white-space: nowrap; margin: 1px 0; }
.good { color: var(--good); background: var(--goodpaper); }
.bad { color: var(--bad); background: var(--badpaper); }
.even { color: var(--even); background: var(--evenpaper); }
summary { cursor: pointer; color: var(--link); font-size: 14px; }
figure { display: inline-block; margin: 10px 24px 16px 0; vertical-align: top; max-width: 100%; }
figure svg { max-width: 100%; height: auto; border: 1px solid var(--line); border-radius: 6px; }
figcaption { max-width: 620px; margin-top: 4px; }
@media print { body { max-width: none; padding: 0; } figure { break-inside: avoid; } }
"""


def css() -> str:
    """All of the page, the figures inside among it."""
    return _PAGE + dark_rules() + "\n"
