"""The look of the picture: fonts whose sizes the layout must know, and the colours of both modes."""

from __future__ import annotations

from aegisgen.argocd.svg_text import Font

TITLE = Font(20, bold=True)
SANS_BOLD = Font(15, bold=True)
NAME = Font(12.5, mono=True, bold=True)
LABEL = Font(11)
SMALL = Font(11.5)

STYLE = """
svg{--paper:#ffffff;--ink:#1c2030;--soft:#5a6275;--faint:#666e82;--box:#ffffff;--edge:#d9dde6;--plain:#8b93a7;
 --alarm:#a34a00;--gate:#b57a00;--pre:#4457c8;--sync:#17835a;--post:#7a3fc0;--fail:#c7362f;--absent:#a36a00;
 --tint:.055;--tintedge:.28}
@media (prefers-color-scheme:dark){
svg{--paper:#0d1117;--ink:#e8ebf2;--soft:#a8b0c0;--faint:#8a93a5;--box:#161b24;--edge:#30384a;--plain:#6b7488;
 --alarm:#ffae57;--gate:#f0b93a;--pre:#8b9bff;--sync:#4cc990;--post:#bf94ff;--fail:#ff7a72;--absent:#e0a83c;
 --tint:.09;--tintedge:.38}}
text{font-family:-apple-system,BlinkMacSystemFont,"Segoe UI",Helvetica,Arial,"DejaVu Sans",sans-serif;
 font-size:11.5px;fill:var(--ink)}
.PreSync{--phase:var(--pre)}.Sync{--phase:var(--sync)}.PostSync{--phase:var(--post)}
.SyncFail{--phase:var(--fail)}.absent{--phase:var(--absent)}
.title{font-size:20px;font-weight:700}.phase{font-size:15px;font-weight:700;fill:var(--phase)}
.muted,.note{fill:var(--soft)}.wait{fill:var(--faint)}.end,.badge,.initnote{text-anchor:end}.middle{text-anchor:middle}
.band{fill:var(--phase);fill-opacity:var(--tint);stroke:var(--phase);stroke-opacity:var(--tintedge)}
.absent .band{stroke-dasharray:5 4;stroke-opacity:.6}
.pill{fill:var(--phase)}.pilltext{font-weight:700;fill:var(--paper)}
.rail,.flow,.failure{fill:none;stroke-width:1.6}.rail{stroke:var(--phase);stroke-opacity:.6}
.tip{fill:var(--phase);fill-opacity:.75}.flow{stroke:var(--faint)}.flowtip{fill:var(--faint)}
.failure{stroke:var(--fail);stroke-dasharray:5 4}.head{fill:var(--fail)}
.box{fill:var(--box);stroke:var(--edge)}.bar{stroke:var(--plain);stroke-width:3;stroke-linecap:round}
.hook .bar{stroke:var(--phase)}.gate .bar{stroke:var(--gate)}.gate .box{stroke:var(--gate)}
.typo .bar{stroke:var(--fail)}.kind{font-size:11px;fill:var(--soft)}
.badge{font-size:11px;fill:var(--phase)}.gate .badge{fill:var(--gate)}
.name,.initname{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
 font-size:12.5px;font-weight:600}
.initname{font-weight:500}.fact{fill:var(--soft)}.faint,.initnote{fill:var(--faint)}.alarm{fill:var(--alarm)}
.init{fill:var(--phase);fill-opacity:.1;stroke:var(--phase);stroke-opacity:.3}
"""
