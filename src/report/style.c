/* style.c - how a report looks: light and dark as the reader's system is, narrow screens,
 * paper. Colours of text keep 4.5:1 to what they stand on, those of curves 3:1, in both; every
 * colour has a word, a dash or a line beside it. No "<" and "&", which XML and HTML read
 * differently here. */
#include <stddef.h>

#include "src/report/page.h"

const char *const report_style[] = {
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1b1f24;--dim:#59636e;--rule:#d5dbe1;"
    "--soft:#f5f7f9;--accent:#0a5fc4;--bad:#b3261e;--good:#1a6b34;"
    "--learns:#bd7a00;--frozen:#4a8bc7;--k0:#1763cf;--k1:#b25c00;--k2:#b0268c;--k3:#1a7f37;"
    "--k4:#6f42c1;--k5:#0e7490;--k6:#a3262a;--k7:#57606a;--g1:#e3effc;--g2:#c3ddf9;"
    "--g3:#98c5f5;--g4:#6dadf0;--w1:#fdeedd;--w2:#fad7ae}",
    "@media screen and "
    "(prefers-color-scheme:dark){:root{--paper:#0f1318;--ink:#e4e9ee;--dim:#9aa5b1;"
    "--rule:#2c343d;--soft:#171d24;--accent:#6cb1ff;--bad:#ff8f85;"
    "--good:#6fd08c;--learns:#e3a32e;--frozen:#4a86c5;--k0:#5aa7ff;--k1:#f0a13c;"
    "--k2:#f27fc4;--k3:#56c271;--k4:#b794f6;--k5:#45c4d6;--k6:#ff8178;--k7:#9aa5b1;"
    "--g1:#16283d;--g2:#1c3d63;--g3:#225590;--g4:#2563ab;--w1:#33230f;--w2:#5e3b0d}}",
    "*{box-sizing:border-box}",
    "html{-webkit-text-size-adjust:100%}",
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 "
    "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif}",
    "header,main,footer{max-width:68rem;margin:0 auto;padding:0 1.25rem}",
    "header{padding-top:2.5rem}",
    "footer{padding-bottom:2rem;color:var(--dim);font-size:.85rem;border-top:1px solid "
    "var(--rule);margin-top:3rem}",
    "h1{font-size:2.3rem;line-height:1.15;letter-spacing:-.02em;margin:0 0 .6rem;"
    "overflow-wrap:anywhere}",
    "h2{font-size:1.35rem;letter-spacing:-.01em;margin:3rem 0 1rem;padding-bottom:.35rem;"
    "border-bottom:1px solid var(--rule)}",
    "h3{font-size:1rem;margin:1.6rem 0 .5rem}",
    "h4{font-size:.85rem;margin:0 0 .35rem}",
    "a{color:var(--accent)}",
    ".kicker{margin:0;color:var(--dim);font-size:.8rem;letter-spacing:.08em;"
    "text-transform:uppercase}",
    ".lead{font-size:1.15rem;margin:.4rem 0;overflow-wrap:anywhere}",
    ".dim,.note,.none,.unit{color:var(--dim)}",
    ".dim{font-weight:400}",
    ".note,.none{font-size:.88rem;margin:.6rem 0}",
    ".run~.run{margin-top:4rem;padding-top:2rem;border-top:3px solid var(--rule)}",
    ".cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));"
    "gap:.75rem;margin:1.5rem 0}",
    ".card{background:var(--soft);border:1px solid var(--rule);border-radius:.6rem;"
    "padding:.7rem .9rem}",
    ".card dt{color:var(--dim);font-size:.8rem;overflow-wrap:anywhere}",
    ".card dd{margin:0}",
    ".card b{display:block;font-size:1.45rem;font-weight:650;line-height:1.3;"
    "font-variant-numeric:tabular-nums}",
    ".card span{color:var(--dim);font-size:.8rem;line-height:1.35;display:block}",
    ".scroll{overflow-x:auto;margin:.9rem 0}",
    "table{border-collapse:collapse;width:100%;font-size:.9rem}",
    "caption{text-align:left;color:var(--dim);font-size:.85rem;padding-bottom:.35rem}",
    "th,td{text-align:left;vertical-align:top;padding:.38rem .7rem;border-bottom:1px solid "
    "var(--rule)}",
    "th:first-child,td:first-child{padding-left:0}",
    "thead th{color:var(--dim);font-weight:600;font-size:.8rem;vertical-align:bottom}",
    "tbody th{font-weight:600}",
    ".n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}",
    ".better{color:var(--good);font-weight:600}",
    ".worse{color:var(--bad);font-weight:600}",
    ".facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(15rem,1fr));"
    "gap:.6rem 1.5rem;margin:1.2rem 0;font-size:.9rem}",
    ".facts dt{color:var(--dim);font-size:.8rem}",
    ".facts dd{margin:0;overflow-wrap:anywhere}",
    "pre{background:var(--soft);border:1px solid var(--rule);border-radius:.5rem;"
    "padding:.8rem 1rem;overflow-x:auto;font:.83rem/1.5 ui-monospace,'SF "
    "Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace}",
    "code{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace;"
    "font-size:.92em}",
    "pre code{font-size:1em}",
    ".fig{margin:1rem 0 0}",
    "figcaption{font-weight:600;margin-bottom:1.7rem}",
    ".unit{font-weight:400;font-size:.85rem;margin-left:.4rem}",
    ".area{position:relative;height:22rem;margin:0 7.5rem 2rem 3.2rem}",
    ".small .area{height:8.5rem;margin-right:.9rem}",
    ".small figcaption{margin-bottom:.6rem;font-size:.9rem}",
    ".area svg{display:block;width:100%;height:100%;overflow:visible;clip-path:inset(-4px "
    "-5px)}",
    ".smalls{display:grid;grid-template-columns:repeat(auto-fit,minmax(16rem,1fr));gap:0 "
    "1.5rem;margin-top:1.5rem}",
    "svg path{fill:none;vector-effect:non-scaling-stroke}",
    ".grid{stroke:var(--rule);stroke-width:1px}",
    ".border{stroke:var(--dim);stroke-width:1px;stroke-dasharray:2 3}",
    ".line{stroke-width:2px;stroke-linejoin:round}",
    ".band{stroke-width:1px;stroke-opacity:.5}",
    ".base{stroke-width:1.6px;stroke-dasharray:7 4}",
    ".dot{stroke-width:6px;stroke-linecap:round}",
    ".k0{stroke:var(--k0)}.k1{stroke:var(--k1)}.k2{stroke:var(--k2)}.k3{stroke:var(--k3)}"
    ".k4{stroke:var(--k4)}.k5{stroke:var(--k5)}.k6{stroke:var(--k6)}.k7{stroke:var(--k7)}",
    ".t0{color:var(--k0)}.t1{color:var(--k1)}.t2{color:var(--k2)}.t3{color:var(--k3)}"
    ".t4{color:var(--k4)}.t5{color:var(--k5)}.t6{color:var(--k6)}.t7{color:var(--k7)}",
    ".axes span{position:absolute;font-size:.75rem;line-height:1;color:var(--dim);"
    "font-variant-numeric:tabular-nums;white-space:nowrap}",
    ".ty{right:100%;margin-right:.45rem;transform:translateY(-50%)}",
    ".tx{top:100%;margin-top:.5rem;transform:translateX(-50%)}",
    ".axes .mk{bottom:100%;margin-bottom:.25rem;transform:translateX(-50%);font-weight:600;"
    "color:var(--ink);cursor:help}",
    ".axes .mk.stage{transform:none;font-weight:400;color:var(--dim);font-style:italic;"
    "max-width:9rem;overflow:hidden;text-overflow:ellipsis;padding-bottom:.15rem}",
    ".axes .mk.bad{color:var(--bad)}",
    ".axes .end{left:100%;margin-left:.6rem;transform:translateY(-50%);font-weight:600;"
    "max-width:7rem;overflow:hidden;text-overflow:ellipsis;line-height:1.2}",
    ".axes .t0{color:var(--k0)}.axes .t1{color:var(--k1)}.axes .t2{color:var(--k2)}.axes "
    ".t3{color:var(--k3)}.axes .t4{color:var(--k4)}.axes .t5{color:var(--k5)}.axes "
    ".t6{color:var(--k6)}.axes .t7{color:var(--k7)}",
    ".both{position:relative;margin-bottom:1.5rem}",
    ".both input{position:absolute;opacity:0;width:1px;height:1px}",
    ".both label{display:inline-block;font-size:.8rem;border:1px solid var(--rule);"
    "padding:.15rem .7rem;cursor:pointer;color:var(--dim);margin:0}",
    ".both label:first-of-type{border-radius:1rem 0 0 1rem}",
    ".both label:last-of-type{border-radius:0 1rem 1rem 0;border-left:0}",
    ".both input:checked+label{background:var(--soft);color:var(--ink);font-weight:600}",
    ".both input:focus-visible+label{outline:2px solid var(--accent);outline-offset:2px}",
    ".pick-lin:checked~.log,.pick-log:checked~.lin{display:none}",
    ".legend{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;margin:.4rem 0 0;"
    "padding:0;font-size:.85rem}",
    ".legend li{overflow-wrap:anywhere}",
    ".key{width:28px;height:10px;margin-right:.45rem;vertical-align:middle}",
    ".chip{display:inline-block;width:.8em;height:.8em;border-radius:.2em;"
    "vertical-align:-.05em}",
    ".c0{background:var(--k0)}.c1{background:var(--k1)}.c2{background:var(--k2)}"
    ".c3{background:var(--k3)}.c4{background:var(--k4)}.c5{background:var(--k5)}"
    ".c6{background:var(--k6)}.c7{background:var(--k7)}",
    ".chip.learns{background:var(--learns)}.chip.frozen{background:var(--frozen)}",
    ".layers td,.layers th{vertical-align:middle}.state{white-space:nowrap}",
    ".plan{width:32%;min-width:9rem}",
    ".plan svg{display:block;width:100%;height:.8rem;border-radius:.2rem;overflow:hidden}",
    "rect.learns{fill:var(--learns)}rect.partly{fill:var(--learns);fill-opacity:.5}"
    "rect.frozen{fill:var(--frozen)}",
    ".plan .border{stroke:var(--paper);stroke-width:2px;stroke-dasharray:none}",
    ".far{width:20%;min-width:6rem}",
    ".bar{display:block;height:.8rem;background:var(--k0);border-radius:.2rem}",
    ".unseen{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);"
    "white-space:nowrap}",
    ".scroll,.plan{position:relative}",
    ".pair{margin:0 0 1.4rem}",
    ".pair h3{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans "
    "Mono',monospace;overflow-wrap:anywhere}",
    ".sides{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(19rem,100%),"
    "1fr));gap:.75rem}",
    ".side{background:var(--soft);border:1px solid var(--rule);border-radius:.6rem;"
    "padding:.7rem .9rem;min-width:0}",
    ".side h4{overflow-wrap:anywhere}",
    ".said{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.75}",
    ".side .note{margin:.4rem 0 0}",
    ".g1,.g2,.g3,.g4,.w1,.w2{border-radius:.2em;padding:.08em 0;box-decoration-break:clone;"
    "-webkit-box-decoration-break:clone;color:var(--ink)}",
    ".g1{background:var(--g1)}.g2{background:var(--g2)}.g3{background:var(--g3)}"
    ".g4{background:var(--g4)}",
    ".w1{background:var(--w1);text-decoration:underline dotted}.w2{background:var(--w2);"
    "text-decoration:underline wavy}",
    "@media (max-width:40rem){body{font-size:15px}h1{font-size:1.7rem}"
    "header{padding-top:1.5rem}.area{height:15rem;margin-right:.8rem;margin-left:2.9rem}"
    ".axes .end{display:none}.axes .mk.stage{max-width:5rem}.card b{font-size:1.2rem}"
    ".cards{grid-template-columns:repeat(auto-fit,minmax(9rem,1fr))}}",
    "@media print{:root{--paper:#fff;--ink:#000;--soft:#fff}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}body{font-size:10.5pt}"
    "header,main,footer{max-width:none;padding:0}.both label,nav{display:none}"
    "h2,h3,figcaption{break-after:avoid}"
    "figure,.card,.side,tr,.legend{break-inside:avoid}"
    ".area{height:6.5cm}.small .area{height:3cm}"
    ".smalls{grid-template-columns:repeat(3,1fr)}"
    ".cards{grid-template-columns:repeat(auto-fit,minmax(3.2cm,1fr))}.card b{font-size:1.1rem}"
    ".scroll{overflow:visible}"
    "pre{white-space:pre-wrap;overflow-wrap:anywhere}.config{columns:2;font-size:7.5pt}}",
    NULL};
