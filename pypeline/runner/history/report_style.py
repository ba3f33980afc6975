"""The report's style sheet, from the same tokens as window and picture; light, dark and print."""

from __future__ import annotations

from pypeline.resources.theme import DARK, LIGHT, MONO_FONTS, TEXT_FONTS, Theme, font_list, mix


def style() -> str:
    """All of it. Nothing in it names a file or a host."""
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{_variables(DARK)}}}}}"
    return f":root{{color-scheme:light;{_variables(LIGHT)}}}{dark}{_RULES}{_PRINT}"


def _variables(theme: Theme) -> str:
    values = {
        "ground": theme.background, "panel": theme.panel, "line": theme.line, "text": theme.text, "muted": theme.muted, "accent": theme.accent,
        "good": theme.source_text, "bad": theme.failure_text, "warn": theme.sink_text, "hover": theme.hover, "canvas": theme.canvas,
        "good-bar": theme.source, "bad-bar": theme.failure, "run-bar": theme.accent, "idle-bar": theme.muted,
        "good-soft": mix(theme.source, theme.panel, 0.14), "bad-soft": mix(theme.failure, theme.panel, 0.1),
        "run-soft": mix(theme.accent, theme.panel, 0.14), "idle-soft": mix(theme.muted, theme.panel, 0.14),
    }  # fmt: skip
    return "".join(f"--{name}:{value};" for name, value in values.items())


_RULES = f"""
*{{box-sizing:border-box}}
body{{margin:0;background:var(--ground);color:var(--text);font:14px/1.5 {font_list(TEXT_FONTS, "sans-serif")};-webkit-text-size-adjust:100%}}
main{{max-width:1160px;margin:0 auto;padding:28px 24px 56px}}
h1{{font-size:22px;line-height:1.25;margin:0;font-weight:600;overflow-wrap:anywhere}}
h2{{font-size:15px;margin:0 0 12px;font-weight:600}}
p{{margin:0 0 8px}}
code,.mono{{font-family:{font_list(MONO_FONTS, "monospace")};font-size:12.5px}}
.muted{{color:var(--muted)}}
header{{display:flex;gap:14px;align-items:center;margin-bottom:20px}}
header .mark{{flex:none;width:40px;height:40px;border-radius:10px;background:var(--run-soft);display:grid;place-items:center}}
header .mark path{{fill:none;stroke:var(--accent);stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}}
header .grow{{flex:1;min-width:0}}
.state{{flex:none;font-weight:600;border-radius:999px;padding:5px 14px}}
.completed{{color:var(--good);background:var(--good-soft)}} .failed{{color:var(--bad);background:var(--bad-soft)}}
.running{{color:var(--accent);background:var(--run-soft)}} .cancelled,.pending,.reused{{color:var(--muted);background:var(--idle-soft)}}
.facts{{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:12px;margin-bottom:20px}}
.fact,section{{background:var(--panel);border:1px solid var(--line);border-radius:10px}}
.fact{{padding:12px 16px}} .fact b{{display:block;font-size:20px;line-height:1.3;font-weight:600;font-variant-numeric:tabular-nums}}
section{{padding:18px 20px;margin-bottom:20px}}
section.flow{{width:fit-content;min-width:100%;max-width:calc(100vw - 48px);position:relative;left:50%;
transform:translateX(-50%);padding-bottom:0;overflow:hidden}}
section.flow .scroll{{margin:0 -20px;border-top:1px solid var(--line);background:var(--canvas);width:calc(100vw - 48px)}}
.scroll{{overflow-x:auto}}
.scroll svg{{display:block;height:auto}}
.failure{{border-left:3px solid var(--bad-bar);background:var(--bad-soft);border-radius:4px 8px 8px 4px;padding:12px 16px;margin-bottom:12px}}
.failure:last-child{{margin-bottom:0}} .failure p{{overflow-wrap:anywhere}} .failure p:last-child{{margin:0}}
.failure .what{{font-size:15px;font-weight:600}}
table{{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}}
th{{text-align:left;font-weight:600;color:var(--muted);font-size:12px;border-bottom:1px solid var(--line);padding:4px 10px 6px;white-space:nowrap}}
td{{padding:6px 10px;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}}
tr:last-child td{{border-bottom:0}} th:first-child,td:first-child{{padding-left:0}} th:last-child,td:last-child{{padding-right:0}}
.number{{text-align:right;white-space:nowrap}} td.number{{font-family:{font_list(MONO_FONTS, "monospace")};font-size:12.5px}}
.pill{{display:inline-block;border-radius:999px;padding:0 9px;font-size:12px;font-weight:600;white-space:nowrap}}
.red{{color:var(--bad)}}
.bar-completed{{fill:var(--good-bar)}} .bar-failed{{fill:var(--bad-bar)}} .bar-running{{fill:var(--run-bar)}} .bar-cancelled{{fill:var(--idle-bar)}}
.gantt text{{fill:var(--text);font:12px {font_list(TEXT_FONTS, "sans-serif")}}} .gantt .quiet{{fill:var(--muted);font-size:11px}}
.gantt .tick{{stroke:var(--line)}}
ol.next{{margin:0;padding-left:20px}} ol.next li{{margin-bottom:6px}}
dl{{display:grid;grid-template-columns:max-content 1fr;gap:4px 20px;margin:0}} dt{{color:var(--muted)}} dd{{margin:0;overflow-wrap:anywhere}}
footer{{color:var(--muted);font-size:12px}}
@media (max-width:640px){{main{{padding:16px 12px 40px}}section{{padding:14px}}
section.flow{{max-width:calc(100vw - 24px)}}section.flow .scroll{{margin:0 -14px;width:calc(100vw - 24px)}}
header{{flex-wrap:wrap}}}}
"""

_PRINT = """
@media print{@page{margin:14mm}body{background:#fff;font-size:11px}main{max-width:none;padding:0}section,.fact,.failure,tr{break-inside:avoid}
.scroll{overflow:visible}section.flow{position:static;transform:none;max-width:100%;min-width:0;width:100%}
section.flow .scroll{width:auto;max-width:none!important}
.scroll svg{min-width:0!important;width:100%!important}.failure,.pill,.state,rect,path
{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
