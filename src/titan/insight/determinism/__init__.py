"""Predict how far a run is reproducible, from what it recorded and from the source of its code.

contents    recorded inputs and outputs as a flat list of values
values      detectors of one value: timestamps, ids, random values, addresses …
calls       detectors of whole calls: sampling, external state, order
code        detectors on the syntax tree of a script, with the line rewritten
advice      titles, recommendations and snippets for each kind of issue
analysis    where a value first appears, where it flows, severity, score
"""
