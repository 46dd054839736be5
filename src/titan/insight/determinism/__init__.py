"""Predict how far a run is reproducible, from its recording and from the source of its code.

values      flat lists of recorded values, and detectors of one value: times, ids, random values, addresses …
calls       detectors of whole calls: sampling, external state, order
code        detectors on the syntax tree of a script, with the line rewritten
analysis    first occurrence and flow of values, severity, score, and the advice for each kind of issue
model       issues, severities, scores, and measurements by repeated executions
"""
