"""Text in files that people open with a spreadsheet."""

# What spreadsheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(text: str | None) -> str | None:
    """Free text that no spreadsheet runs: ``=1+1`` becomes ``'=1+1``."""
    return f"'{text}" if text and text.startswith(_FORMULA) else text
