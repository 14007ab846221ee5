"""What a file is, by its first bytes, and the limits that hold for every film."""

from __future__ import annotations

import zlib

from hilum.records import text

MAX_PIXELS = 100_000_000  # the largest plates have about 18 million; more is a mistake or an attack
MIN_SIDE = 16

# What `decode` reads, and how such files are usually called. A file that is called so is owed an answer, whatever its
# bytes are.
READABLE: dict[str, tuple[str, ...]] = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp"),
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp",),
    "WebP": (".webp",),
    "JPEG 2000": (".jp2", ".j2k", ".j2c", ".jpx", ".jpf"),
    "DICOM": (".dcm", ".dicom"),
}
PICTURES = tuple(kind for kind in READABLE if kind != "DICOM")
READ = f"Hilum reads DICOM, {', '.join(PICTURES[:-1])} and {PICTURES[-1]}"
_NIFTI = "a NIfTI volume, which is not a single film"
_BITMAP_HEADERS = (12, 40, 52, 56, 64, 108, 124)

# (offset, bytes, name); the first match counts.
_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (128, b"DICM", "DICOM"),
    (0, b"\xff\xd8\xff", "JPEG"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG"),
    (0, b"GIF87a", "a GIF picture"),
    (0, b"GIF89a", "a GIF picture"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (0, b"BM", "BMP"),
    (8, b"WEBP", "WebP"),
    *(
        (4, b"ftyp" + brand, "a HEIC picture")
        for brand in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")
    ),
    (4, b"ftypavis", "an AVIF picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cJXL ", "a JPEG XL picture"),
    (4, b"ftypavif", "an AVIF picture"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive (or an .npz: give a member as archive.npz#train/17)"),
    (0, b"\x93NUMPY", "a numpy array"),
    (344, b"n+1\0", _NIFTI),
    (344, b"ni1\0", _NIFTI),
    (4, b"n+2\0", _NIFTI),
    (4, b"ni2\0", _NIFTI),
    (0, b"DICM", "a DICOM data set without the file header of PS3.10"),
    (0, b"\x02\x00\x00\x00", "a DICOM data set without the file header of PS3.10"),
    (0, b"\x02\x00\x01\x00", "a DICOM data set without the file header of PS3.10"),
    (0, b"\x02\x00\x02\x00", "a DICOM data set without the file header of PS3.10"),
    (0, b"\x02\x00\x10\x00", "a DICOM data set without the file header of PS3.10"),
    (0, b"\x08\x00", "a DICOM data set without the file header of PS3.10"),
    (0, b"\x00\x08\x00", "a DICOM data set without the file header of PS3.10"),  # big-endian
)


def name_of_format(data: bytes) -> str:
    """`DICOM` or one of `PICTURES`; for anything else a description such as `a PDF document`.

    The first thousand bytes are enough.

    >>> name_of_format(b"\\xff\\xd8\\xff\\xe0"), name_of_format(b"%PDF-1.7")
    ('JPEG', 'a PDF document')
    """
    for offset, signature, name in _SIGNATURES:
        if data.startswith(signature, offset) and _goes_on(name, data):
            return name
    if data.startswith(b"\x1f\x8b"):
        return _inside_gzip(data)
    start = data[:512]
    if all(byte in b"\t\n\r\x0c" or byte >= 32 for byte in start):
        try:
            start[: len(start) - 3 if len(start) == 512 else None].decode("utf-8")
        except UnicodeDecodeError:
            return "an unknown format"
        return "a web page or XML" if start.lstrip()[:1] == b"<" else "a text file"
    return "an unknown format"


def _goes_on(name: str, data: bytes) -> bool:
    """Whether what follows a short signature is as it has to be: text may begin with the same two letters."""
    if name == "BMP":
        return int.from_bytes(data[14:18], "little") in _BITMAP_HEADERS
    return name != "WebP" or data.startswith(b"RIFF")


def _inside_gzip(data: bytes) -> str:
    try:
        start = zlib.decompressobj(31).decompress(data[:4096], 512)
    except zlib.error:
        start = b""
    inside = name_of_format(start) if start and not start.startswith(b"\x1f\x8b") else ""
    return f"{inside}, compressed" if inside == _NIFTI else "a gzip archive"


def is_readable(kind: str) -> bool:
    """Whether films of a kind are read; the kind as `name_of_format` names it.

    >>> is_readable("JPEG"), is_readable("a PDF document")
    (True, False)
    """
    return kind in READABLE


def one_line(message: object) -> str:
    """A library's error, or text from a file, as one short line that a terminal can show."""
    words = text.one_line(message)
    if not words:
        return type(message).__name__
    return words if len(words) <= 160 else f"{words[:157]}…"
