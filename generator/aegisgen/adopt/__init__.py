"""Hand-written overlays in, a project that renders their equal out, and what would differ, field by field.

The way the data takes: `find` (overlays and the migrations in them) -> `shell`, `tools` (what a script does) -> `infer`
(one overlay's settings) -> `project` (all of them as project and profiles) -> `cut` (the hand-written parts go) ->
`differences` (what Kustomize makes of before and after). All of it is pure but `find` and `adoption`, which read.
"""
