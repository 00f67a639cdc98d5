"""Oracles of single problems, as source: which answers are right apart from the reference's own.

They are woven into a problem's tests (``differential.source``) as a function ``fits``; the others, which
many problems share, are in the sandbox's ``ORACLES``. As evalplus 0.3.1 has them.
"""

SOURCES = {
    # HumanEval/32: any root of the polynomial will do.
    "root": """\
def fits(answer, expected, atol, arguments):
    import math
    root = float(answer)  # once: an object might say something else each time
    value = sum(factor * math.pow(root, power) for power, factor in enumerate(arguments[0]))
    return abs(value) <= atol
""",
    # Mbpp/581: the pyramid's height may also be read as that of its apex above the base.
    "slant": """\
def fits(answer, expected, atol, arguments):
    import math
    from box.testing.oracle import equal
    edge, height = arguments
    other = round(edge**2 + 2 * edge * math.sqrt((edge / 2) ** 2 + height**2))
    return equal(answer, expected, atol) or abs(answer - other) <= atol
""",
    # Mbpp/558: the shorter number may be padded with zeros.
    "padded": """\
def fits(answer, expected, atol, arguments):
    from box.testing.oracle import equal
    first, second = map(str, arguments)
    width = max(len(first), len(second))
    pairs = zip(first.zfill(width), second.zfill(width))
    return equal(answer, expected, atol) or answer == sum(abs(int(a) - int(b)) for a, b in pairs)
""",
}
