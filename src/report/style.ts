import { colours } from "../figure/theme.ts";

/** What each chart colour becomes on a dark page. */
const dark: Readonly<Record<keyof typeof colours, string>> = {
  ink: "#e6edf3",
  quiet: "#a2abb5",
  grid: "#30363d",
  first: "#56b4e9",
  second: "#f0883e",
  third: "#3fc79a",
};

function darkCharts(): string {
  return (Object.keys(colours) as (keyof typeof colours)[])
    .map(
      (name) =>
        `.chart [fill="${colours[name]}"]{fill:${dark[name]}}.chart [stroke="${colours[name]}"]{stroke:${dark[name]}}`,
    )
    .join("");
}

export const style = `
:root{color-scheme:light dark;--page:#fff;--card:#f6f8fa;--ink:#24292f;--quiet:#57606a;--line:#d8dee4;--accent:#0072b2;--bad:#b34700;--code:#f3f5f7}
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--card:#161b22;--ink:#e6edf3;--quiet:#a2abb5;--line:#30363d;--accent:#56b4e9;--bad:#f0883e;--code:#161b22}${darkCharts()}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer{max-width:1080px;margin:0 auto;padding:0 24px}
header{padding-top:36px}
h1{font-size:26px;line-height:1.25;margin:0;font-weight:650;overflow-wrap:anywhere}
h2{font-size:19px;margin:44px 0 10px;padding-top:8px;font-weight:650}
h3{font-size:14px;margin:0 0 8px;font-weight:600;overflow-wrap:anywhere}
p{margin:6px 0 12px;max-width:75ch}
.quiet,figcaption{color:var(--quiet)}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;margin:14px 0 22px;padding:10px 0;border-top:1px solid var(--line);border-bottom:1px solid var(--line);font-size:14px}
a{color:var(--accent);text-decoration:none}a:hover{text-decoration:underline}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(210px,1fr));gap:12px}
.tile{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 14px}
.tile .name{font-size:13px;color:var(--quiet)}
.tile .number{font-size:24px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums;white-space:nowrap}
.tile .note{font-size:12.5px;color:var(--quiet);line-height:1.4}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,320px),1fr));gap:16px}
figure{margin:0;border:1px solid var(--line);border-radius:8px;padding:14px 16px;min-width:0}
figure.side{display:flex;flex-wrap:wrap;gap:6px 32px;align-items:center}figure.side h3{flex-basis:100%;margin:0}figure.side figcaption{flex:1 1 260px;max-width:60ch}
figure.wide .chart svg{min-width:620px}
table.narrow{width:auto}table.narrow th,table.narrow td{padding-right:36px}
figcaption{font-size:12.5px;margin-top:6px;line-height:1.45}
.chart{overflow-x:auto}.chart svg{display:block;max-width:100%;height:auto}
.scroll{overflow-x:auto;margin:12px 0 20px}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--quiet);font-size:12.5px;white-space:nowrap}
td.n,th.n{text-align:right;white-space:nowrap}
td:last-child,th:last-child{padding-right:0}
td.wrap{overflow-wrap:anywhere;min-width:8.5em}td.n+td:not(.n),th.n+th:not(.n){padding-left:20px}details+h3{margin-top:22px}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:12.5px}
code{overflow-wrap:anywhere;unicode-bidi:isolate}
pre{margin:4px 0 14px;padding:10px 12px;background:var(--code);border:1px solid var(--line);border-radius:6px;white-space:pre-wrap;overflow-wrap:anywhere;overflow:auto;max-height:340px;line-height:1.5;unicode-bidi:isolate}
.cut{color:var(--bad);font-style:italic}
details{border:1px solid var(--line);border-radius:8px;margin:8px 0;padding:0 14px}
details[open]{padding-bottom:6px}
summary{cursor:pointer;padding:9px 0;display:flex;gap:14px;align-items:baseline}
summary::before{content:"▸";color:var(--quiet);flex:none}details[open]>summary::before{content:"▾"}
summary::-webkit-details-marker{display:none}
summary .value{font-weight:650;font-variant-numeric:tabular-nums;flex:none;min-width:4.5em}
summary .peek{color:var(--quiet);overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0}
.label{font-size:12.5px;color:var(--quiet);font-weight:600;margin:8px 0 0}
.chain{display:flex;flex-wrap:wrap;gap:6px 10px;align-items:center;margin:4px 0 12px;font-variant-numeric:tabular-nums}
.chain span{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:2px 9px;overflow-wrap:anywhere}
.chain i{color:var(--quiet);font-style:normal}
.bad{color:var(--bad)}
.bar{display:block;margin-top:7px;height:8px;border-radius:3px;background:var(--accent);min-width:2px}
footer{margin-top:48px;padding-top:14px;padding-bottom:32px;font-size:13px;color:var(--quiet)}
@media (max-width:600px){main,header,footer{padding-left:14px;padding-right:14px}.tiles{grid-template-columns:repeat(2,minmax(0,1fr))}.tile .number{font-size:20px}}
@media print{details{break-inside:avoid}nav{display:none}pre{max-height:none}}
`;
