"""Fills the holes that imports leave in the heap, so that what a fork allocates lies together.

A fork shares its parent's memory until it writes; then the kernel copies the page, some 4 µs each. An allocation that
goes into a hole of an old page copies that page. Filled up, the heap gives new objects new pages, side by side: a
trivial job writes to 330 pages instead of 400. Nothing depends on it working.
"""

from __future__ import annotations

import ctypes

_POOL_BYTES = 16 * 1024  # Objects/obmalloc.c: a pool holds blocks of one size, a multiple of 16 up to 512
_POOL_HEAD_BYTES = 48
_BLOCK_SIZES = range(48, 513, 16)
_BYTES_HEAD_BYTES = 33  # sys.getsizeof(b"")
_CHUNK_SIZES = (8192, 4096, 2048, 1024, 512, 256, 128, 64, 48, 32)
_LIMIT = 4096  # of fillings of one size; some hundred are usual

_fillings: list[object] = []


def fill_holes() -> None:
    """Use up the holes of Python's allocator and of the C library's; takes 1 ms and, for good, the holes."""
    for size in _BLOCK_SIZES:
        _fill_pools(size)
    c_library = ctypes.CDLL(None)
    if hasattr(c_library, "mallinfo2"):  # glibc since 2.33
        _fill_chunks(c_library)


def _fill_pools(block_bytes: int) -> None:
    """Allocate blocks of a size until one lies at the beginning of a pool, and so in an unused one."""
    fillings: list[bytes] = []
    while len(fillings) < _LIMIT:
        filling = bytes(bytearray(block_bytes - _BYTES_HEAD_BYTES))
        if id(filling) % _POOL_BYTES == _POOL_HEAD_BYTES:
            break
        fillings.append(filling)
    _fillings.append(fillings)


def _fill_chunks(c_library: ctypes.CDLL) -> None:
    """Allocate chunks of falling sizes, each until it is cut from the top of the heap and no longer from a hole."""
    c_library.mallinfo2.restype = _MallInfo
    c_library.malloc.restype = ctypes.c_void_p
    c_library.free.argtypes = [ctypes.c_void_p]
    for size in _CHUNK_SIZES:
        for _ in range(_LIMIT):
            top_bytes = c_library.mallinfo2().keepcost
            chunk = c_library.malloc(size)
            if c_library.mallinfo2().keepcost < top_bytes:
                c_library.free(chunk)
                break


class _MallInfo(ctypes.Structure):
    """struct mallinfo2 of malloc.h; `keepcost` is the size of the top of the heap."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    ]
