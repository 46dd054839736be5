r"""The encoding of recorded values, in which client and server agree to the byte.

    snapshot(value)           copy a value in the caller's thread, before the program changes it
    encode(value)             JSON bytes that keep Python's types, within bounds
    decode(text)              the value again
    canonical(text)           the same bytes for equal values, on either side
    chain(previous, entry)    a hash chain over entries, so that changes and removals are detected

Pure functions: no I/O, no clock, no random numbers, standard library only. Titan's core imports this package.

**The text** is JSON in UTF-8. None, bool, str, finite floats, ints up to 2^53 - 1, lists, and dicts with str keys
are what they are in JSON. Any other value is an object with one key, its tag: `$` and Python's name of the type.

    (1, "a")                          {"$tuple":[1,"a"]}
    {2, 1}, frozenset()               {"$set":[1,2]}  {"$frozenset":[]}         sorted by their texts
    b"hi", bytearray(b"hi")           {"$bytes":"aGk="}  {"$bytearray":"aGk="}  base64, RFC 4648
    datetime, date, time              {"$datetime":"2024-12-28T14:30:00+00:00"}  {"$date":…}  {"$time":…}
    timedelta(hours=1)                {"$timedelta":[0,3600,0]}                 days, seconds, microseconds
    Decimal("1.10"), UUID, 1j         {"$Decimal":"1.10"}  {"$UUID":"…"}  {"$complex":"1j"}
    Path("/tmp"), PurePosixPath("a")  {"$PosixPath":"/tmp"}  {"$PurePosixPath":"a"}
    nan, inf, 2**53                   {"$float":"nan"}  {"$float":"inf"}  {"$int":"9007199254740992"}
    range(3)                          {"$range":[0,3,1]}
    {1: "a"}, {"$set": 1}             {"$dict":[[1,"a"]]}  {"$dict":[["$set",1]]}
    os.fsdecode(b"caf\xe9")           {"$str":"caf\\udce9"}                     a lone surrogate
    Point(x=1), Color.RED             {"$object":{"type":"app:Point","state":{"x":1}}}
    ValueError("no")                  {"$exception":{"type":"ValueError","message":"no","args":["no"]}}
    a lock                            {"$opaque":{"type":"_thread:lock","repr":"<unlocked _thread.lock object>"}}
    a value too large                {"$cut":{"type":"str","reason":"size","bytes":…,"sha256":…,"head":"…"}}

A dict of one key that begins with `$` is written as `$dict`, so nothing that a user or another client sends through
`encode` can be mistaken for a tag. JSON from elsewhere is a value like any other: parse it, then encode it.

Not kept: the name of a time zone (its offset is), `fold`, the sign and payload of NaN, and that two places
share one container.
"""

from __future__ import annotations

from titan_sdk.tape.decoding import CHAIN_START, canonical, chain, decode
from titan_sdk.tape.describing import opaque, snapshot
from titan_sdk.tape.encoding import encode, encoded_text
from titan_sdk.tape.values import (
    BOUNDS,
    Bounds,
    Cut,
    CutReason,
    Object,
    Opaque,
    Raised,
    ReplayedError,
    compact_json,
)

__all__ = ["BOUNDS", "CHAIN_START", "Bounds", "Cut", "CutReason", "Object", "Opaque", "Raised", "ReplayedError"]
__all__ += ["canonical", "chain", "compact_json", "decode", "encode", "encoded_text", "opaque", "snapshot"]
