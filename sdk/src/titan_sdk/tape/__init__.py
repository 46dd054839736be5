r"""The tape: what client and server must agree on to the byte about the values of recorded calls.

    snapshot(value)           in the caller's thread: what it may change next is copied
    encode(value).text        behind it: JSON that keeps Python's types, within bounds
    decode(text)              the value again
    canonical(text)           the same bytes for equal values, on either side
    fingerprint(bytes, key)   equality without the value
    chain(previous, entry)    an order that cannot be changed unseen

Pure: no I/O, no clock, no chance; the standard library only. The one part of the SDK that Titan's core imports.

**The text** is JSON in UTF-8. None, bool, str, finite floats, ints up to 2^53 - 1, lists, and dicts with str keys
are what they are in JSON. All else is an object with one key, its tag: `$` and Python's name of the type.

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
    what is too large                 {"$cut":{"type":"str","reason":"size","bytes":…,"sha256":…,"head":"…"}}

So a dict of one key that begins with `$` is written as `$dict`: nothing a user or a foreign client sends can pass for
a tag, if it goes through `encode`. JSON from elsewhere is a value like any other: read it, then encode it.

Not kept: the name of a time zone (its offset is), `fold`, the sign and payload of NaN, which container two places
share.
"""

from __future__ import annotations

from titan_sdk.tape.comparing import CHAIN_START, canonical, chain, fingerprint
from titan_sdk.tape.copying import snapshot
from titan_sdk.tape.decoding import decode
from titan_sdk.tape.describing import opaque
from titan_sdk.tape.encoding import encode, encoded_text
from titan_sdk.tape.values import BOUNDS, Bounds, Cut, CutReason, Encoded, Object, Opaque, Raised, ReplayedError

__all__ = [
    "BOUNDS",
    "CHAIN_START",
    "Bounds",
    "Cut",
    "CutReason",
    "Encoded",
    "Object",
    "Opaque",
    "Raised",
    "ReplayedError",
    "canonical",
    "chain",
    "decode",
    "encode",
    "encoded_text",
    "fingerprint",
    "opaque",
    "snapshot",
]
